BeforeDiscovery {
    $places = @('file', 'http', 'cached') + $(if (Get-Command rclone -ErrorAction Ignore) { 'rclone' })
}

BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    $folder = Join-Path $TestDrive "errors-$(New-Guid)"
    $root = [uri]::new($folder).AbsoluteUri
    $null = New-Item $folder -ItemType Directory
    $server = Start-BorgStoreServer "$root/served" -Port 0
    $uris = @{ file = "$root/file"; http = $server.Uri; cached = "$root/cached"; rclone = "rclone:$folder/rclone" }
    function Open-Place([string] $Kind) {
        $layout = @{ config = 0; data = $Kind -eq 'cached' ? @{ Levels = 2; Cache = 'WriteThrough' } : 2 }
        $cache = $Kind -eq 'cached' ? @{ CacheUri = "$root/cache" } : @{}
        (Test-BorgStore $uris[$Kind] -Quiet) ? (Open-BorgStore $uris[$Kind] $layout @cache) : (New-BorgStore $uris[$Kind] $layout @cache)
    }
    # Returns what a user sees of the first error of a command.
    function Get-Seen([scriptblock] $Command) {
        try { $record = & $Command 2>&1 | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | Select-Object -First 1 } catch { $record = $_ }
        '{0} | {1} | {2} | {3}' -f $record.Exception.Message, ($record.FullyQualifiedErrorId -split ',')[0], $record.CategoryInfo.Category, $record.TargetObject
    }
}

AfterAll {
    Close-AllStore
    Stop-BorgStoreServer
}

Describe 'The same error on <_>' -ForEach $places {
    BeforeAll {
        $ErrorActionPreference = 'Continue'
        $store = Open-Place $_
        Set-BorgStoreItem data/0011 -Value abc -Store $store
        Set-BorgStoreItem data/0022 -Value abc -Store $store
    }
    AfterAll { $store | Close-BorgStore }

    It 'has the same message for a missing item' {
        foreach ($command in { Get-BorgStoreItem data/none -Store $store }, { Get-BorgStoreItemContent data/none -Store $store }, { Remove-BorgStoreItem data/none -Store $store },
            { Get-BorgStoreItemHash data/none -Store $store }, { Copy-BorgStoreItem data/none data/new -Store $store }, { Export-BorgStoreItem data/none $folder -Store $store }) {
            Get-Seen $command | Should -Be "There is no item 'data/none'. | ObjectNotFound | ObjectNotFound | data/none"
        }
    }

    It 'has the same message for an existing item' {
        $why = 'an item with that name already exists and was not replaced.'
        Get-Seen { Set-BorgStoreItem data/0011 -Value x -NoClobber -Store $store } | Should -Be "Could not store 'data/0011': $why | ObjectAlreadyExists | ResourceExists | data/0011"
        Get-Seen { Copy-BorgStoreItem data/0022 data/0011 -Store $store } | Should -Be "Could not store 'data/0011': $why | ObjectAlreadyExists | ResourceExists | data/0022"
        Get-Seen { Move-BorgStoreItem data/0022 data/0011 -Store $store } | Should -Be "Could not move 'data/0022' to 'data/0011': $why | ObjectAlreadyExists | ResourceExists | data/0022"
    }

    It 'has the same message for an invalid name, namespace or algorithm' {
        Get-Seen { Set-BorgStoreItem 'data/a:bcd' -Value x -Store $store } | Should -BeLike "'data/a:bcd' is not a valid name: it contains ':'* | InvalidName | InvalidArgument | data/a:bcd"
        Get-Seen { Set-BorgStoreItem nowhere/a -Value x -Store $store } | Should -Be "There is no namespace 'nowhere' in this store. The store's namespaces are config, data. | LayoutUnknown | InvalidOperation | nowhere/a"
        Get-Seen { Get-BorgStoreItemHash data/0011 crc32 -Store $store } | Should -BeLike "Unsupported hash algorithm: 'crc32'. Use one of * | InvalidArgument | InvalidArgument | "
    }

    It 'has the same message for a range outside the value' {
        Get-Seen { [pscustomobject]@{ Name = 'data/0011'; Offset = 1; Length = 5 } | Invoke-BorgStoreDefrag -Target data/0033 -Store $store } |
            Should -Be "Could not read a part of 'data/0011': the requested range is outside the value. It has 3 bytes, and 5 bytes from offset 1 were requested. | ReadRange | InvalidArgument | data/0011"
    }
}

Describe 'Errors' {
    BeforeAll {
        $store = New-TestStore 1
        $ErrorActionPreference = 'Continue'
    }
    AfterAll { Close-AllStore }

    It 'can be caught by type and name their target' {
        $caught = try { Get-BorgStoreItemContent config/none -ErrorAction Stop } catch [BorgStore.StoreException] { $_.Exception }
        $caught.Error | Should -Be 'ObjectNotFound'
        $caught.Name | Should -Be 'config/none'
        $caught = try { Open-BorgStore file:///C:/no/such/store } catch [BorgStore.StoreException] { $_ }
        $caught.Exception.Error | Should -Be 'StoreDoesNotExist'
        $caught.TargetObject | Should -Be 'file:///C:/no/such/store'
        "$caught" | Should -Be "Could not open the store 'file:///C:/no/such/store': no store exists at that location. Check the URL, or create a store there first."
    }

    It 'respect -ErrorAction and -ErrorVariable, and the rest is processed' {
        $found = 'config/none', 'config/k0001' | Get-BorgStoreItemContent -AsString -ErrorAction SilentlyContinue -ErrorVariable failed
        $found | Should -Be 'value 1'
        $failed.Count | Should -Be 1
        $failed[0].FullyQualifiedErrorId | Should -Be 'ObjectNotFound,BorgStore.PowerShell.Commands.Items.GetBorgStoreItemContentCommand'
    }

    It 'are displayed in a few lines' {
        $text = (Get-BorgStoreItemContent config/none 2>&1 | Out-String) -replace '\x1b\[[0-9;]*m'
        $text | Should -Match "There is no item 'config/none'\."
        @($text.Trim() -split "`n").Count | Should -BeLessOrEqual 5
    }

    It 'of a server that does not start name the parameters of the cmdlet' {
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress 'no host' } | Should -BeLike "The server did not start: '-ListenAddress no host' is neither an address*"
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port ([uri] $server.Uri).Port } | Should -BeLike '*another program is already listening there. Choose another -Port, or 0 for any free port.'
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress 'no host' } | Should -Not -Match '--|See'
    }

    It 'give an unattended script a nonzero exit code without prompting' {
        $script = Join-Path $TestDrive script.ps1
        foreach ($case in @(
                @{ Body = "Set-BorgStoreItem a/x -Value 1x; if ((Get-BorgStoreItemContent a/x -AsString) -ne '1x') { exit 9 }; Remove-BorgStore -Store `$store -Force; exit 3"; Code = 3 }
                @{ Body = 'Get-BorgStoreItemContent a/none'; Code = 1 }
                @{ Body = 'try { Get-BorgStoreItemContent a/none } catch [BorgStore.StoreException] { exit 4 }'; Code = 4 }
                @{ Body = 'Remove-BorgStore -Store $store'; Code = 1 })) {
            $head = "Set-StrictMode -Version Latest; `$ErrorActionPreference = 'Stop'; Import-Module '$modulePath'; `$store = New-BorgStore '$(New-TestUri)' @{ a = 0 }"
            Set-Content $script "$head; $($case.Body)"
            $null = pwsh -NoProfile -NonInteractive -File $script 2>&1
            $LASTEXITCODE | Should -Be $case.Code -Because $case.Body
        }
    }
}
