BeforeAll {
    . $PSScriptRoot/TestStore.ps1
}

Describe 'Views' {
    BeforeAll {
        $store = New-TestStore 2
        Set-BorgStoreItem data/0123 -Value ([byte[]]::new(3MB))
        Remove-BorgStoreItem config/k0002 -Soft
        function Show($Object) { ($Object | Out-String -Width 160) -split '\r?\n' | Where-Object { $_ } }
    }
    AfterAll { Close-AllStore }

    It 'show items as a table with readable sizes' {
        $text = Show (Get-BorgStoreItem -IncludeDeleted)
        $text[0] | Should -Match '^ +LastWriteTime +Size +State +Name'
        $text[2] | Should -Match ' 7 B +config/k0001$'
        $text[3] | Should -Match ' 7 B +deleted +config/k0002$'
        $text[4] | Should -Match ' 3.00 MiB +data/0123$'
    }

    It 'show items as a list' {
        Show (Get-BorgStoreItem data/0123 | Format-List) | Should -Contain 'Size           : 3.00 MiB (3,145,728 bytes)'
    }

    It 'show stores' {
        (Show $store)[0] | Should -Match '^State +Uri +Namespace'
        (Show $store)[2] | Should -Match '^open +file:.* config = 0, data = 2'
        (Show ($store | Format-List)) -join "`n" | Should -Match 'Permission *: all'
    }

    It 'show hashes, tests, measures, quotas, statistics and permissions' {
        (Show (Get-BorgStoreItemHash config/k0001))[0] | Should -Match '^Algorithm +Hash +Name'
        (Show (Test-BorgStoreItem config/k0001 -Integrity -Algorithm md5))[2] | Should -Match '^False +MD5 +config/k0001'
        (Show (Measure-BorgStore))[4] | Should -Match '^data +1 +3.00 MiB +0 +0 B +3.00 MiB'
        (Show (Get-BorgStoreQuota))[0] | Should -Match 'Limit +Used +Available +Store'
        (Show (Get-BorgStoreStatistic)) -join "`n" | Should -Match 'Store +\d+ +\d'
        (Show (New-BorgStorePermission read-only)) | Should -Be "'' = lr", 'locks = lrwD'
        (Show (Test-BorgStore)) -join "`n" | Should -Match 'Exists *: True'
    }

    It 'fit in <_> columns without wrapping' -ForEach 80, 120 {
        $long = "data/$('0123456789abcdef' * 4)"
        Set-BorgStoreItem $long -Value x
        foreach ($object in (Get-BorgStoreItem), (Get-BorgStoreItemHash $long), (Test-BorgStoreItem $long -Integrity), (Measure-BorgStore), (Get-BorgStoreQuota), $store, $store.Namespace) {
            # The URL of the store may be longer than a line.
            $shown = ($object | Format-Table | Out-String -Width $_).TrimEnd() -replace '(?s)^\s*Store: .*?\r?\n\r?\n', "Store:`n"
            $text = @($shown -split '\r?\n' | Where-Object { $_ })
            # A title, a rule, and a line for each object; measures also have their store above.
            $above = if (@($object)[0] -is [BorgStore.PowerShell.Output.BorgStoreMeasure]) { 3 } else { 2 }
            $text.Count | Should -Be (@($object).Count + $above) -Because ($text -join "`n")
        }
        Remove-BorgStoreItem $long
    }

    It 'do not access the store' {
        $items = Get-BorgStoreItem
        Get-BorgStoreStatistic -Reset | Out-Null
        $items, $store, (Get-BorgStore) | ForEach-Object { $_ | Out-String; $_ | Format-List | Out-String } | Out-Null
        ((Get-BorgStoreStatistic).Operations | Measure-Object Calls, BackendCalls -Sum).Sum | Should -Be 0, 0
    }

    It 'show sizes with three significant digits' {
        [BorgStore.PowerShell.Views.ViewText]::Size(0) | Should -Be '0 B'
        [BorgStore.PowerShell.Views.ViewText]::Size(1023) | Should -Be '1023 B'
        [BorgStore.PowerShell.Views.ViewText]::Size(1024) | Should -Be '1.00 KiB'
        [BorgStore.PowerShell.Views.ViewText]::Size(123456) | Should -Be '121 KiB'
        [BorgStore.PowerShell.Views.ViewText]::Size(1048575) | Should -Be '1.00 MiB'
        [BorgStore.PowerShell.Views.ViewText]::Size([long]::MaxValue) | Should -Be '8.00 EiB'
        [BorgStore.PowerShell.Views.ViewText]::Size($null) | Should -Be ''
    }
}

Describe 'Objects' {
    BeforeAll { $store = New-TestStore 3 }
    AfterAll { Close-AllStore }

    It 'convert to JSON with only the URL of their store' {
        $json = Get-BorgStoreItem config/k0001 | ConvertTo-Json -Depth 10 -WarningAction Stop | ConvertFrom-Json
        $json.Name | Should -Be 'config/k0001'
        $json.Store.PSObject.Properties.Name | Should -Be 'Uri'
        $json.Store.Uri | Should -Be $store.Uri
        $json.PSObject.Properties.Name | Should -Be 'Name', 'Namespace', 'Key', 'Size', 'IsDeleted', 'Level', 'LastAccessTime', 'LastWriteTime', 'DeletedTime', 'Store'
        $json | Get-BorgStoreItemContent -AsString | Should -Be 'value 1'
        Get-BorgStoreItemHash config/k0001 | ConvertTo-Json -WarningAction Stop | Should -Match 'SHA256'
        $store | ConvertTo-Json -Depth 5 -WarningAction Stop | Should -Match 'config'
    }

    It 'convert to CSV and back' {
        $rows = Get-BorgStoreItem | ConvertTo-Csv | ConvertFrom-Csv
        $rows[0].Store | Should -Be $store.Uri
        $rows | Get-BorgStoreItemContent -AsString | Should -Be 'value 1', 'value 2', 'value 3'
    }

    It 'can be piped from cmdlet to cmdlet by property name' {
        Get-BorgStoreItem | Get-BorgStoreItemHash | Get-BorgStoreItem | Move-BorgStoreItem -Destination data/ -PassThru |
            Copy-BorgStoreItem -Destination { $_.Name -replace 'data', 'config' } -PassThru | Remove-BorgStoreItem -Soft -PassThru |
            Restore-BorgStoreItem -PassThru | Test-BorgStoreItem | Should -Be $true, $true, $true
        @(Get-BorgStoreItem).Count | Should -Be 6
    }

    It 'have output types declared for completion' {
        (Get-Command Get-BorgStoreItem).OutputType.Name | Should -Be 'BorgStore.PowerShell.Output.BorgStoreItem'
    }
}

Describe 'The module' {
    It 'exports every cmdlet class, as listed in its manifest' {
        $manifest = Import-PowerShellDataFile (Join-Path $modulePath BorgStore.psd1)
        $classes = [BorgStore.PowerShell.Pipeline.StoreCommand].Assembly.GetExportedTypes() |
            ForEach-Object { $_.GetCustomAttributes([Management.Automation.CmdletAttribute], $false) } | ForEach-Object { "$($_.VerbName)-$($_.NounName)" }
        (Get-Command -Module BorgStore).Name | Sort-Object | Should -Be ($classes | Sort-Object)
        $manifest.CmdletsToExport | Sort-Object | Should -Be ($classes | Sort-Object)
    }

    It 'has the parameters that scripts rely on: <Cmdlet>' -ForEach @(
        @{ Cmdlet = 'New-BorgStore'; Parameters = 'Uri', 'Namespace', 'Preset', 'CacheUri', 'Permission', 'Quota', 'Durability', 'Credential' }
        @{ Cmdlet = 'Open-BorgStore'; Parameters = 'Uri', 'Namespace', 'Preset', 'CacheUri', 'Permission', 'Quota', 'Durability', 'Credential', 'Default' }
        @{ Cmdlet = 'Test-BorgStore'; Parameters = 'Uri', 'Store', 'Credential', 'Quiet' }
        @{ Cmdlet = 'Remove-BorgStore'; Parameters = 'Uri', 'Store', 'Force', 'WhatIf', 'Confirm' }
        @{ Cmdlet = 'Get-BorgStoreItem'; Parameters = 'Name', 'LiteralName', 'Namespace', 'Deleted', 'IncludeDeleted', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Get-BorgStoreItemContent'; Parameters = 'Name', 'Offset', 'Length', 'Join', 'Deleted', 'AsString', 'Encoding', 'AsStream', 'Destination', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Set-BorgStoreItem'; Parameters = 'Name', 'Value', 'Path', 'LiteralPath', 'Namespace', 'ContentHash', 'NoClobber', 'Encoding', 'PassThru', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Remove-BorgStoreItem'; Parameters = 'Name', 'Soft', 'Deleted', 'PassThru', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Restore-BorgStoreItem'; Parameters = 'Name', 'Force', 'PassThru', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Move-BorgStoreItem'; Parameters = 'Name', 'Destination', 'ChangeLevel', 'Force', 'Deleted', 'PassThru', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Copy-BorgStoreItem'; Parameters = 'Name', 'Destination', 'DestinationStore', 'Force', 'Deleted', 'PassThru', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Export-BorgStoreItem'; Parameters = 'Name', 'Path', 'Force', 'Deleted', 'WhatIf', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Get-BorgStoreItemHash'; Parameters = 'Name', 'Algorithm', 'Deleted', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Test-BorgStoreItem'; Parameters = 'Name', 'Integrity', 'Algorithm', 'Deleted', 'Store', 'ThrottleLimit' }
        @{ Cmdlet = 'Invoke-BorgStoreDefrag'; Parameters = 'Source', 'Namespace', 'Algorithm', 'Target', 'RemoveSource', 'WhatIf', 'Store' }
        @{ Cmdlet = 'Measure-BorgStore'; Parameters = 'Namespace', 'Store' }
        @{ Cmdlet = 'Get-BorgStoreStatistic'; Parameters = 'Reset', 'Store' }
        @{ Cmdlet = 'Clear-BorgStoreCache'; Parameters = 'Name', 'Namespace', 'All', 'Deleted', 'WhatIf', 'Store' }
        @{ Cmdlet = 'Clear-BorgStoreTemporary'; Parameters = 'OlderThan', 'WhatIf', 'Store' }
        @{ Cmdlet = 'New-BorgStorePermission'; Parameters = 'Preset', 'Map' }
        @{ Cmdlet = 'Test-BorgStorePermission'; Parameters = 'Permission', 'Name', 'Access' }
    ) {
        (Get-Command $Cmdlet).Parameters.Keys | Where-Object { $_ -in $Parameters } | Sort-Object | Should -Be ($Parameters | Sort-Object)
    }

    It 'never binds a whole store from the property of an item' {
        foreach ($name in 'Remove-BorgStore', 'Close-BorgStore', 'Test-BorgStore', 'Measure-BorgStore', 'Get-BorgStoreQuota', 'Get-BorgStoreStatistic', 'Clear-BorgStoreTemporary') {
            $parameter = (Get-Command $name).Parameters['Store']
            $parameter.Attributes.Where({ $_ -is [Management.Automation.ParameterAttribute] }).ValueFromPipelineByPropertyName | Should -Not -Contain $true
        }
        $store = New-TestStore 1
        Get-ErrorId { Get-BorgStoreItem | Measure-BorgStore } | Should -Be 'InvalidArgument'
        $store | Close-BorgStore
    }

    It 'contains no PowerShell SDK assemblies' {
        @(Get-ChildItem $modulePath -Filter *.dll).Name | Sort-Object | Should -Be 'Blake3.dll', 'BorgStore.Core.dll', 'BorgStore.PowerShell.dll'
    }

    It 'closes its stores when it is removed' {
        $shell = [powershell]::Create()
        $store = $shell.AddScript("Import-Module '$modulePath'; New-BorgStore '$(New-TestUri)' @{ a = 0 }; Remove-Module BorgStore").Invoke()[0]
        $store.IsOpen | Should -BeFalse
        $shell.Dispose()
    }
}
