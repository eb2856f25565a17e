BeforeAll {
    . "$PSScriptRoot/TestStore.ps1"
}

Describe 'Comparing, synchronising, exporting and importing' {
    BeforeEach {
        $script:a = New-BorgStore (New-TestUri) -Namespace @{ config = 0; data = 2 }
        $script:b = New-BorgStore (New-TestUri) -Namespace @{ config = 0; data = 1 }
        1..20 | ForEach-Object { [pscustomobject]@{ Value = "value $_" } } | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -Store $a
        'blue' | Set-BorgStoreItem config/color -Store $a
        $script:gone = Get-BorgStoreItem data/* -Store $a | Select-Object -First 1
        $gone | Remove-BorgStoreItem -Soft
        'red' | Set-BorgStoreItem config/other -Store $b
    }

    AfterEach { Close-AllStore }

    It 'Compare-BorgStore lists what differs, and its output is piped to the item cmdlets' {
        $found = Compare-BorgStore $a $b
        $found.Count | Should -Be 22
        ($found | Where-Object SideIndicator -EQ '=>').Name | Should -Be 'config/other'
        ($found | Where-Object IsDeleted).Name | Should -Be $gone.Name
        $found | Where-Object { $_.SideIndicator -eq '<=' -and -not $_.IsDeleted } | Copy-BorgStoreItem -DestinationStore $b
        (Compare-BorgStore $a $b -Hash).Name | Sort-Object | Should -Be ('config/other', $gone.Name | Sort-Object)
        (Compare-BorgStore $a $b -IncludeEqual -Include color).SideIndicator | Should -Be '=='
    }

    It 'Sync-BorgStore shows with -WhatIf what it would do, and does it' {
        $null = Sync-BorgStore $a $b -Delete -WhatIf 6>&1
        @(Get-BorgStoreItem * -Store $b).Count | Should -Be 1
        $out = Sync-BorgStore $a $b -Delete -Verify -PassThru
        $summary = $out[-1]
        ($summary.Copied, $summary.Deleted, $summary.Failed, $summary.Compared) | Should -Be (21, 1, 0, 22)
        $summary.Bytes | Should -Be (Get-BorgStoreItem * -IncludeDeleted -Store $a | Measure-Object Size -Sum).Sum
        $out[0..20].Action | Sort-Object -Unique | Should -Be 'Copy'
        Compare-BorgStore $a $b -Hash | Should -BeNullOrEmpty
        (Sync-BorgStore $a $b -Delete).Copied | Should -Be 0
    }

    It 'the file system copies by itself, for both cmdlets' -Skip:(-not $IsLinux) {
        $null = $a, $b | Get-BorgStoreStatistic -Reset
        $null = Sync-BorgStore $a $b -Verify
        $large = [pscustomobject]@{ Name = 'config/large'; Value = [byte[]]::new(2MB) } | Set-BorgStoreItem -Store $a -PassThru
        $large | Copy-BorgStoreItem -DestinationStore $b
        $large | Copy-BorgStoreItem -Destination config/again
        $there, $here = $b, $a | Get-BorgStoreStatistic
        $there.CopyCount, $there.StoreCount, $here.CopyCount, $here.LoadCount | Should -Be 22, 0, 1, 0
        $here.CopyVolume, $here.copy_volume, $here.BackendCopyCount, $here.backend_copy_volume | Should -Be 2MB, 2MB, 1, 2MB
        Compare-BorgStore $a $b -Hash -Namespace data | Should -BeNullOrEmpty
        Get-BorgStoreItemHash config/again -Store $a | ForEach-Object Hash | Should -Be (Get-BorgStoreItemHash config/large -Store $b).Hash
    }

    It 'Sync-BorgStore leaves alone what a pattern excludes' {
        'x' | Set-BorgStoreItem config/keep -Store $b
        (Sync-BorgStore $a $b -Delete -Namespace config -Exclude keep, color).Deleted | Should -Be 1
        (Get-BorgStoreItem config/* -Store $b).Key | Should -Be 'keep'
    }

    It 'an export comes back by an import, with soft-deleted items and odd names' {
        'odd' | Set-BorgStoreItem 'config/50%' -Store $a
        $folder = "$TestDrive/export"
        Get-BorgStoreItem * -IncludeDeleted -Store $a | Export-BorgStoreItem -Path $folder | Out-Null
        Compare-BorgStore $a -DifferencePath $folder -Hash | Should -BeNullOrEmpty
        $c = New-BorgStore (New-TestUri) -Namespace @{ config = 0; data = 0 }
        Import-BorgStoreItem $folder -Store $c
        Compare-BorgStore $a $c -Hash | Should -BeNullOrEmpty
        # Again: only what is missing.
        Remove-BorgStoreItem config/color -Store $c
        (Import-BorgStoreItem $folder -Store $c -SkipExisting -PassThru).Name | Should -Be 'config/color'
        Get-BorgStoreItem config/* -Store $a | Export-BorgStoreItem -Path $folder -SkipExisting | Should -BeNullOrEmpty
        Import-BorgStoreItem $folder -Store $c -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed.Count | Should -Be 22
        $failed[0].FullyQualifiedErrorId | Should -BeLike 'ObjectAlreadyExists,*'
    }

    It 'a log has a line for each item, done or failed, and for the start and the end' {
        $log = "$TestDrive/log-$(New-Guid).jsonl"
        $null = Sync-BorgStore $a $b -LogPath $log
        $lines = Get-Content $log | ConvertFrom-Json
        $lines[0].event, $lines[-1].event | Should -Be 'start', 'end'
        $lines[-1].done | Should -Be 21
        ($lines | Where-Object name -EQ 'config/color').bytes | Should -Be 4
        Copy-BorgStoreItem config/none config/new -Store $a -LogPath $log -ErrorAction SilentlyContinue
        $lines = Get-Content $log | ConvertFrom-Json
        $failed = $lines | Where-Object event -EQ failed
        ($failed.command, $failed.name, $failed.error) | Should -Be ('Copy-BorgStoreItem', 'config/none', 'ObjectNotFound')
        { Copy-BorgStoreItem config/color config/new -Store $a -LogPath $TestDrive } | Should -Throw '*cannot be written*'
        Test-BorgStoreItem config/new -Store $a | Should -BeFalse
    }

    It 'a log has the sizes of values from anywhere' {
        $log = "$TestDrive/log-$(New-Guid).jsonl"
        $file = "$TestDrive/large-$(New-Guid)"
        [IO.File]::WriteAllBytes($file, [byte[]]::new(2MB))
        [pscustomobject]@{ Name = 'config/bytes'; Value = [byte[]]::new(1000) } | Set-BorgStoreItem -Store $a -LogPath $log
        'text' | Set-BorgStoreItem config/text -Store $a -LogPath $log
        Set-BorgStoreItem -Namespace data -Value 'hashed' -ContentHash SHA256 -Store $a -LogPath $log
        Set-BorgStoreItem -Namespace data -Path $file -ContentHash SHA256 -Store $a -LogPath $log
        Set-BorgStoreItem config/file -Path $file -Store $a -LogPath $log
        $stream = [IO.File]::OpenRead($file)
        try { Set-BorgStoreItem config/stream -Value $stream -Store $a -LogPath $log } finally { $stream.Dispose() }
        Set-BorgStoreItem config/empty -Value '' -Store $a -LogPath $log
        (Get-Content $log | ConvertFrom-Json | Where-Object event -EQ done).bytes | Should -Be 1000, 4, 6, 2MB, 2MB, 2MB, 0
    }

    It 'a log and -Verbose have what was repeated, and why' {
        Add-Type -TypeDefinition (Get-Content "$PSScriptRoot/CuttingProxy.cs" -Raw)
        $folder = New-TestUri
        New-BorgStore $folder -Namespace @{ config = 0; data = 2 } | Close-BorgStore
        $server = Start-BorgStoreServer $folder -Port 0 -Credential ([pscredential]::new('me', (ConvertTo-SecureString 'se-cret' -AsPlainText -Force)))
        $proxy = [CuttingProxy]::new(([uri] $server.Uri).Port)
        try {
            $remote = Open-BorgStore "http://me:se-cret@127.0.0.1:$($proxy.Port)" -Verbose 4>&1
            $remote[0].Message | Should -BeLike 'The namespaces of *are config (level unknown), data (level unknown), recognised from a sample of the items.'
            $remote = $remote[-1]
            $remote | Close-BorgStore
            $remote = Open-BorgStore "http://me:se-cret@127.0.0.1:$($proxy.Port)" -Namespace @{ config = 0; data = 2 }
            $log = "$TestDrive/log-$(New-Guid).jsonl"
            # The first new item is preceded by a look at the levels.
            'x' | Set-BorgStoreItem config/one -Store $remote
            $proxy.Cut(1)
            $said = 'x' | Set-BorgStoreItem config/one -Store $remote -LogPath $log -Verbose 4>&1
            $said = @($said.Message) -like 'Retried*'
            $said | Should -BeLike "Retried 'config/one', attempt 2, because the last one failed: *"
            $lines = Get-Content $log | ConvertFrom-Json
            $lines.event | Should -Be 'start', 'retried', 'done', 'end'
            ($lines[1].command, $lines[1].name, $lines[1].attempt) | Should -Be ('Set-BorgStoreItem', 'config/one', 2)
            $lines[1].message | Should -Not -BeNullOrEmpty
            $lines[-1].retried | Should -Be 1
            $null = New-PSDrive remote BorgStore $remote -Scope Global
            $proxy.Cut(1)
            @((Set-Content remote:/config/one y -Verbose 4>&1).Message) -like 'Retried*' | Should -HaveCount 1
            "$said $(Get-Content $log)" | Should -Not -Match 'se-cret'
        }
        finally {
            Remove-PSDrive remote -ErrorAction Ignore
            Close-AllStore
            $proxy.Dispose()
            Stop-BorgStoreServer $server
        }
    }

    It 'transfers keep to the limit of a cmdlet' {
        [pscustomobject]@{ Name = 'config/large'; Value = [byte[]]::new(200KB) } | Set-BorgStoreItem -Store $a
        # A plain folder would let the file system copy, which the limit does not concern.
        $b = New-BorgStore (New-TestUri) -Namespace @{ config = 0 } -Latency 0:0:0.001
        (Measure-Command { Copy-BorgStoreItem config/large -Store $a -DestinationStore $b -MaxBytesPerSecond 400KB }).TotalSeconds | Should -BeGreaterThan 0.4
    }

    It 'mistakes are explained' {
        { Sync-BorgStore $a $a } | Should -Throw '*is both the source and the destination*'
        { Sync-BorgStore $a (New-BorgStore (New-TestUri) -Namespace @{ config = 0 }) } | Should -Throw "*has no namespace 'data'*"
        { Compare-BorgStore $a $b -Namespace nix } | Should -Throw "There is no namespace 'nix'*"
        { Compare-BorgStore $a -DifferencePath "$TestDrive/nix" } | Should -Throw 'There is no folder*'
        { Import-BorgStoreItem "$TestDrive/nix" -Store $a -ErrorAction Stop } | Should -Throw 'There is no folder*'
    }
}
