BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    function Complete([string] $Line) {
        (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText
    }
    # Returns the last argument of the line after each completion, as PowerShell parses it, or nothing if the line is not a single command.
    function Read-Completed([string] $Line) {
        $found = TabExpansion2 $Line $Line.Length
        foreach ($match in $found.CompletionMatches) {
            Read-LastArgument $Line.Remove($found.ReplacementIndex, $found.ReplacementLength).Insert($found.ReplacementIndex, $match.CompletionText)
        }
    }
    function Read-LastArgument([string] $Line) {
        $errors = $null
        $ast = [Management.Automation.Language.Parser]::ParseInput($Line, [ref] $null, [ref] $errors)
        if ($errors -or $ast.EndBlock.Statements.Count -ne 1 -or $ast.EndBlock.Statements[0].PipelineElements.Count -ne 1) { return }
        $argument = $ast.EndBlock.Statements[0].PipelineElements[0].CommandElements[-1]
        if ($argument -is [Management.Automation.Language.CommandParameterAst]) { $argument = $argument.Argument }
        if ($argument -is [Management.Automation.Language.ArrayLiteralAst]) { $argument = $argument.Elements[-1] }
        if ($argument -is [Management.Automation.Language.StringConstantExpressionAst]) { $argument.Value }
    }
}

Describe 'Completion' {
    BeforeAll {
        $store = New-TestStore 3
        Remove-BorgStoreItem config/k0003 -Soft
    }
    AfterAll { Close-AllStore }

    It 'completes namespaces, then names' {
        Complete 'Get-BorgStoreItem ' | Should -Be 'config/', 'data/'
        Complete 'Get-BorgStoreItemContent co' | Should -Be 'config/'
        Complete 'Remove-BorgStoreItem config/' | Should -Be 'config/k0001', 'config/k0002'
        Complete 'Move-BorgStoreItem config/k0001 -Destination d' | Should -Be 'data/'
        Complete 'Remove-BorgStoreItem -Deleted config/' | Should -Be 'config/k0003'
        Complete 'Get-BorgStoreItem -Namespace c' | Should -Be 'config'
    }

    It 'completes stores, algorithms, encodings and presets' {
        Complete 'Get-BorgStoreItem -Store f' | Should -Contain $store.Uri
        Complete 'Open-BorgStore fil' | Should -Contain 'file:///'
        Complete 'Get-BorgStoreItemHash config/k0001 -Algorithm bl' | Should -Be 'BLAKE2b', 'BLAKE2s', 'BLAKE3'
        Complete 'Get-BorgStoreItemContent x -AsString -Encoding utf8' | Should -Be 'utf8', 'utf8BOM'
        Complete 'New-BorgStorePermission borgbackup-r' | Should -Be 'borgbackup-read-only'
        Complete 'New-BorgStorePermission ' | Should -Be 'all', 'no-delete', 'write-only', 'read-only'
        Complete 'Open-BorgStore file:///x -Permission R' | Should -Be 'read-only'
        Complete 'New-BorgStore file:///x -Preset ' | Should -Be 'Borg2'
    }

    It 'completes nothing and does not throw if the store is ambiguous or invalid' {
        $other = New-TestStore
        { Complete 'Get-BorgStoreItem con' } | Should -Not -Throw
        { Complete 'Get-BorgStoreItem con -Store nix://x' } | Should -Not -Throw
        $other | Close-BorgStore
    }

    It 'returns what it has found when its time limit expires' {
        $slow = Open-BorgStore $store.Uri -Latency 00:00:20 -Namespace @{ config = 0 } -Default
        (Measure-Command { Complete 'Get-BorgStoreItem config/' }).TotalSeconds | Should -BeLessThan 4
        $slow | Close-BorgStore
    }

    It 'lists only the directories that can hold the completed names' {
        Set-BorgStoreItem data/00123456 -Value x
        $limited = Open-BorgStore $store.Uri -Namespace @{ data = 2 } -Permission @{ '' = 'r'; 'data/00/12' = 'l' } -Default
        Complete 'Get-BorgStoreItem data/0012' | Should -Be data/00123456
        Complete 'Get-BorgStoreItemContent data/00123' | Should -Be data/00123456
        Complete 'Get-BorgStoreItem data/001' | Should -BeNullOrEmpty
        $limited | Close-BorgStore
        Remove-BorgStoreItem data/00123456
    }

    It 'escapes wildcards only where a pattern is expected' {
        [IO.File]::WriteAllText((Join-Path ([uri] $store.Uri).LocalPath 'config/br[1]'), 'x')
        Complete 'Get-BorgStoreItem config/br' | Should -Be "'config/br``[1``]'"
        Invoke-Expression (Complete 'Get-BorgStoreItem config/br' | ForEach-Object { "(Get-BorgStoreItem $_).Name" }) | Should -Be 'config/br[1]'
        Complete 'Get-BorgStoreItem -LiteralName config/br' | Should -Be 'config/br[1]'
        Complete 'Remove-BorgStoreItem config/br' | Should -Be 'config/br[1]'
        Remove-BorgStoreItem 'config/br[1]'
    }

    It 'quotes names with special characters' {
        [IO.File]::WriteAllText((Join-Path ([uri] $store.Uri).LocalPath "config/it's(1)"), 'x')
        Complete 'Get-BorgStoreItemContent config/it' | Should -Be "'config/it''s(1)'"
        Complete "Get-BorgStoreItemContent 'config/it" | Should -Be "'config/it''s(1)'"
        Complete 'Get-BorgStoreItemContent config/k0001, config/it' | Should -Be "'config/it''s(1)'"
        Remove-BorgStoreItem "config/it's(1)"
    }

    It 'completes every name to a single argument, whatever quote it starts with: <_>' -ForEach @(
        'Get-BorgStoreItem -LiteralName {0}', "Get-BorgStoreItem -LiteralName '{0}", 'Get-BorgStoreItem -LiteralName "{0}', 'Get-BorgStoreItem -LiteralName:{0}', 'Get-BorgStoreItemContent {0}'
        # Within an array, PowerShell completes nothing after an opening quote.
        'Get-BorgStoreItemContent config/k0001, {0}', 'Invoke-BorgStoreDefrag {0}'
    ) -Skip:$IsWindows {
        $folder = New-Item (Join-Path ([uri] $store.Uri).LocalPath 'config/q') -ItemType Directory
        $names = (1..0x1f + 0x21..0x7f | Where-Object { [char] $_ -cnotmatch '[/A-Z]' } | ForEach-Object { "x$([char] $_)y" }) + '--%', '-verbose', "a`n; b", '$(b)', "''", '@x', '1kb', '007', '%{b}'
        try {
            foreach ($name in $names) { [IO.File]::WriteAllText("$folder/$name", '') }
            # Items that Core can no longer read are not listed either.
            $listed = (Get-BorgStoreItem -Namespace config -WarningAction SilentlyContinue).Name | Where-Object { $_ -like 'config/q/*' } | Sort-Object
            $listed.Count | Should -BeGreaterThan 60
            Read-Completed ($_ -f 'config/q/') | Sort-Object | Should -Be $listed
        }
        finally {
            [IO.Directory]::Delete($folder, $true)
        }
    }

    It 'completes every name to a single pattern that matches that name' -Skip:$IsWindows {
        $folder = New-Item (Join-Path ([uri] $store.Uri).LocalPath 'config/q') -ItemType Directory
        try {
            foreach ($name in '[a]', 'a*', 'a?', '`', '``', '`[', "'``'", '$a[0]', ']') { [IO.File]::WriteAllText("$folder/$name", '') }
            $listed = (Get-BorgStoreItem -Namespace config).Name | Where-Object { $_.StartsWith('config/q/') } | Sort-Object
            foreach ($start in '', "'", '"') {
                $patterns = Read-Completed "Get-BorgStoreItem $($start)config/q/"
                (Get-BorgStoreItem $patterns).Name | Sort-Object | Should -Be $listed
                $patterns | ForEach-Object { @(Get-BorgStoreItem $_).Count } | Should -Be (@(1) * 9)
            }
        }
        finally {
            [IO.Directory]::Delete($folder, $true)
        }
    }

    It 'ignores the quotes of the word to complete' -Skip:$IsWindows {
        $file = Join-Path ([uri] $store.Uri).LocalPath "config/it's`$"
        [IO.File]::WriteAllText($file, '')
        foreach ($typed in "'config/it''", "'config/it''s", "`"config/it'", "config/it``'s", "'config/it''s`$'", 'config/it') {
            Read-Completed "Get-BorgStoreItemContent $typed" | Should -Be "config/it's`$" -Because $typed
        }
        [IO.File]::Delete($file)
    }

    It 'offers only completions that PowerShell parses back to the same word' {
        $write = [BorgStore.PowerShell.Completion.Completer].Assembly.GetType('BorgStore.PowerShell.Completion.ShellWord').GetMethod('TryWrite')
        $characters = (0..0x17f + 0x2000..0x206f + 0x3000, 0xfeff, 0xff02, 0xff07, 0xfffe | ForEach-Object { "$([char] $_)" }) + [char]::ConvertFromUtf32(0x1f600), [char]::ConvertFromUtf32(0xe0001)
        $wrong = foreach ($character in $characters) {
            foreach ($word in "a$($character)b", "$character$character'`"", "-$character", "a,$character") {
                $text = $write.Invoke($null, @($word))
                if ((Read-LastArgument "Get-Item $text") -cne $word -or (Read-LastArgument "Get-Item x, $text") -cne $word -or $text -match '[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]') { "$text for '$word'" }
            }
        }
        $wrong | Should -BeNullOrEmpty
        $write.Invoke($null, @("a$([char] 0xd800)")) | Should -BeNullOrEmpty
    }

    It 'completes nested namespaces' {
        $other = New-BorgStore (New-TestUri) @{ data = 0; 'data/deep' = 1 } -Default
        Set-BorgStoreItem data/a -Value x
        Set-BorgStoreItem data/deep/abcd -Value x
        Complete 'Get-BorgStoreItem data/' | Should -Be 'data/deep/', 'data/a'
        Complete 'Get-BorgStoreItem data/deep/' | Should -Be 'data/deep/abcd'
        Complete 'Get-BorgStoreItem -Namespace d' | Should -Be 'data', 'data/deep'
        $other | Close-BorgStore
    }

    It 'uses the -Store on the command line' {
        $other = New-BorgStore (New-TestUri) @{ other = 0 }
        Complete 'Get-BorgStoreItem -Store $other ' | Should -Be 'other/'
        Complete 'Get-BorgStoreItem -Store $store -Name co' | Should -Be 'config/'
        Complete "Get-BorgStoreItem -Store $($store.Uri) co" | Should -Be 'config/'
        Complete 'Copy-BorgStoreItem config/k0001 -DestinationStore $other -Destination ' | Should -Be 'other/'
        Complete 'Get-BorgStoreItem co' | Should -BeNullOrEmpty -Because 'two stores are open'
        $other | Close-BorgStore
        Complete 'Get-BorgStoreItem -Store $other ' | Should -BeNullOrEmpty -Because 'it is closed'
        Complete 'Get-BorgStoreItem -Store (Get-Something) ' | Should -BeNullOrEmpty -Because 'nothing is run for a completion'
        Complete 'Get-BorgStoreItem -Store file:///not/open co' | Should -BeNullOrEmpty -Because 'nothing is opened for a completion'
    }

    It 'completes open stores or URLs, depending on the cmdlet' {
        Complete 'Close-BorgStore ' | Should -Be $store.Uri
        Complete 'New-BorgStore ' | Should -Contain 'sftp://'
        Complete 'New-BorgStore ' | Should -Not -Contain $store.Uri
        Complete 'Open-BorgStore x -CacheUri f' | Should -Be 'file:///'
        $null = New-Item (Join-Path $TestDrive 'with space') -ItemType Directory -Force
        $folder = [uri]::new($TestDrive).AbsoluteUri
        Complete "Open-BorgStore $folder/wi" | Should -Be "$folder/with%20space"
    }

    It 'completes every parameter that has known values' {
        foreach ($line in 'Open-BorgStore x -Durability ', 'Open-BorgStore x -Permission ', 'Start-BorgStoreServer x -Permission ', 'Start-BorgStoreServer x -ListenAddress ', 'Start-BorgStoreServer x -LogLevel ',
            'Test-BorgStorePermission -Name ', 'Test-BorgStorePermission x -Access ', 'Test-BorgStorePermission -Permission ', 'Set-BorgStoreItem -ContentHash ', 'Set-BorgStoreItem -Namespace ',
            'Test-BorgStoreItem config/x -Algorithm ', 'Invoke-BorgStoreDefrag -Algorithm ', 'Invoke-BorgStoreDefrag -Target ', 'Invoke-BorgStoreDefrag -Source ', 'Invoke-BorgStoreDefrag -Namespace ',
            'Measure-BorgStore ', 'Clear-BorgStoreCache -Namespace ', 'Restore-BorgStoreItem config/', 'Test-BorgStore ', 'Remove-BorgStore ') {
            Complete $line | Should -Not -BeNullOrEmpty -Because $line
        }
    }

    It 'completes the properties of piped objects' {
        Complete 'Get-BorgStoreItem | Where-Object LastW' | Should -Be 'LastWriteTime'
        Complete 'Get-BorgStoreItemHash x | Select-Object Ha' | Should -Be 'Hash'
        Complete 'Measure-BorgStore | Sort-Object Lar' | Should -Be 'Largest'
        Complete 'Get-BorgStoreQuota | Select-Object Av' | Should -Be 'Available'
        Complete 'Get-BorgStore | Select-Object Dur' | Should -Be 'Durability'
        Complete 'Test-BorgStoreItem x -Integrity | Select-Object Exp' | Should -Be 'Expected'
    }
}
