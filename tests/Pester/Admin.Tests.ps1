BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Figures' {
    BeforeAll {
        $store = New-TestStore 5
        Set-BorgStoreItem data/0123 -Value ('x' * 1000)
        Remove-BorgStoreItem config/k0005 -Soft
    }
    AfterAll { Close-AllStore }

    It 'are reported per namespace by Measure-BorgStore' {
        $measure = Measure-BorgStore
        $measure.Namespace | Should -Be 'config', 'data'
        $measure[0].Count | Should -Be 4
        $measure[0].Size | Should -Be 28
        $measure[0].DeletedCount | Should -Be 1
        $measure[0].DeletedSize | Should -Be 7
        $measure[1].Largest | Should -Be 1000
        ($store | Measure-BorgStore -Namespace data).Count | Should -Be 1
        Get-ErrorId { Measure-BorgStore -Namespace none } | Should -Be 'LayoutUnknown'
    }

    It 'have a total for each store with -Total' {
        $other = New-TestStore 2
        $all = Get-BorgStore | Measure-BorgStore -Total
        $all.Namespace | Should -Be 'config', 'data', '(total)', 'config', 'data', '(total)'
        $all[2].Count, $all[2].Size, $all[2].DeletedCount, $all[2].DeletedSize, $all[2].Largest, $all[2].IsTotal | Should -Be 5, 1028, 1, 7, 1000, $true
        $all[5].Store.Uri | Should -Be $other.Uri
        $text = $all | Out-String
        $text | Should -BeLike "*Store: $($store.Uri)*Store: $($other.Uri)*" -Because 'they are shown by store'
        (Measure-BorgStore -Store $store).IsTotal | Should -Be $false, $false
        $other | Close-BorgStore
    }

    It 'are properties, with aliases named as in the Python package' {
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItemContent data/0123
        $statistic = Get-BorgStoreStatistic
        $statistic.LoadCount, $statistic.LoadVolume, $statistic.BackendLoadCount, $statistic.StoreCount, $statistic.CacheHitCount | Should -Be 1, 1000, 1, 0, 0
        $statistic.LoadTime | Should -BeOfType timespan
        [BorgStore.PowerShell.Output.BorgStoreStatistic].GetProperty('LoadCount') | Should -Not -BeNullOrEmpty
        $members = $statistic | Get-Member
        $figures = $statistic.PSObject.Properties | Where-Object Name -Match '_'
        $figures.Count | Should -BeGreaterThan 25
        foreach ($figure in $figures) { { $figure.Value } | Should -Not -Throw -Because $figure.Name; $null -ne $figure.Value | Should -BeTrue }
        ($figures | Where-Object MemberType -ne AliasProperty).Name | Should -BeLike '*_time'
        $statistic.load_time | Should -Be $statistic.LoadTime.TotalSeconds
    }

    It 'are available under the names of the Python package' {
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItemContent data/0123
        $statistic = $store | Get-BorgStoreStatistic
        $statistic.load_calls | Should -Be 1
        $statistic.load_volume | Should -Be 1000
        $statistic.backend_load_calls | Should -Be 1
        $statistic.load_throughput | Should -BeGreaterThan 0
        $load = $statistic.Operations | Where-Object Operation -eq Load
        $load.Calls | Should -Be 1
        $load.Volume | Should -Be 1000
        $load.BackendVolume | Should -Be 1000
        $load.Throughput | Should -BeGreaterThan 0
        $statistic.Store.Uri | Should -Be $store.Uri
        (Get-BorgStoreStatistic -Reset).load_calls | Should -Be 1
        (Get-BorgStoreStatistic).load_calls | Should -Be 0
    }

    It 'include the quota and its usage' {
        $limited = New-BorgStore (New-TestUri) -Namespace @{ data = 0 } -Quota 10KB
        Set-BorgStoreItem data/x -Value ('x' * 1024) -Store $limited
        $quota = $limited | Get-BorgStoreQuota
        $quota.Limit, $quota.Used, $quota.Available | Should -Be 10240, 1024, 9216
        $limited | Close-BorgStore
        (Get-BorgStoreQuota -Store $store).Limit | Should -BeNullOrEmpty
    }
}

Describe 'Clear-BorgStoreTemporary' {
    BeforeEach {
        $store = New-TestStore 1
        $left = Join-Path ([uri] $store.Uri).LocalPath config/left-over.tmp
        Set-Content $left -Value unfinished
        (Get-Item $left).LastWriteTime = [datetime]::Now.AddDays(-2)
    }
    AfterEach { Close-AllStore }

    It 'removes and returns leftovers of crashes' {
        $removed = Clear-BorgStoreTemporary
        $removed.Id | Should -Be 'config/left-over.tmp'
        $removed.Size | Should -BeGreaterThan 9
        Test-Path $left | Should -BeFalse
        @(Get-BorgStoreItem).Count | Should -Be 1
    }

    It 'keeps leftovers younger than -OlderThan' {
        Clear-BorgStoreTemporary -OlderThan 3.00:00:00 | Should -BeNullOrEmpty
        Test-Path $left | Should -BeTrue
    }

    It 'removes nothing with -WhatIf' {
        Clear-BorgStoreTemporary -WhatIf | Should -BeNullOrEmpty
        Test-Path $left | Should -BeTrue
    }
}

Describe 'Permissions' {
    AfterEach { Close-AllStore }

    It 'can be created from presets and from maps' {
        (New-BorgStorePermission no-delete).Entries.Keys | Should -Contain 'packs'
        (New-BorgStorePermission -Map @{ '' = 'lr'; 'config/' = 'lrwD' }).Entries['config'] | Should -Be 'List, Read, Write, Delete'
        Get-ErrorText { New-BorgStorePermission nothing } | Should -BeLike "*no permission preset 'nothing'*all, no-delete, write-only, read-only*"
        (New-BorgStorePermission Read-Only).Entries['locks'] | Should -Be (New-BorgStorePermission borgbackup-read-only).Entries['locks']
        $store = New-BorgStore (New-TestUri) -Namespace @{ data = 0 } -Permission All
        "$($store.Permission)" | Should -Be '{"":"lrwWD"}'
        $map = New-BorgStorePermission "$(New-BorgStorePermission READ-ONLY)"
        "$map" | Should -Be '{"":"lr","locks":"lrwD"}'
        $store | Close-BorgStore
        Get-ErrorText { New-BorgStorePermission -Map @{ '' = 'x' } } | Should -BeLike "*'x'*l (list)*"
    }

    It 'can be tested by letters or by words' {
        $map = New-BorgStorePermission -Map @{ '' = 'lr'; config = 'lrw'; all = 'W' }
        $map | Test-BorgStorePermission config/x, data/x w | Should -Be $true, $false
        $map | Test-BorgStorePermission config/x Overwrite | Should -BeFalse
        $map | Test-BorgStorePermission config/x lrw | Should -BeTrue
        $map | Test-BorgStorePermission all/x Write | Should -BeTrue -Because 'who may replace may also write anew'
        Test-BorgStorePermission data/x Read, List -Permission $map | Should -BeTrue
        Test-BorgStorePermission archives/x D -Permission borgbackup-no-delete | Should -BeFalse
    }

    It 'apply to an open store, whether given as a map, a preset, JSON or a hashtable' {
        $store = New-TestStore 1
        $store | Close-BorgStore
        foreach ($permission in (New-BorgStorePermission read-only), 'read-only', '{"": "lr"}', @{ '' = 'lr' }) {
            $store = Open-BorgStore $store.Uri -Permission $permission
            Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'value 1'
            Get-ErrorId { Set-BorgStoreItem config/k0001 -Value x } | Should -Be 'PermissionDenied'
            Get-ErrorId { $store | Remove-BorgStore -Force } | Should -Be 'PermissionDenied'
            $store | Close-BorgStore
        }
    }
}

Describe '-WhatIf' {
    BeforeAll {
        $store = New-TestStore 3
        Remove-BorgStoreItem config/k0003 -Soft
        $other = New-TestStore
        $before = Get-BorgStoreItem -Store $store -IncludeDeleted | Out-String
    }
    AfterAll { Close-AllStore }

    It 'changes nothing: <_>' -ForEach @(
        'Set-BorgStoreItem config/k0001 -Value changed'
        'Get-Item $modulePath/BorgStore.psd1 | Set-BorgStoreItem -Namespace data -ContentHash SHA256'
        'Remove-BorgStoreItem config/k0001', 'Remove-BorgStoreItem config/k0001 -Soft', 'Remove-BorgStoreItem config/k0003 -Deleted'
        'Restore-BorgStoreItem config/k0003', 'Move-BorgStoreItem config/k0001 config/new', 'Move-BorgStoreItem config/k0001 -ChangeLevel'
        'Copy-BorgStoreItem config/k0001 config/new', 'Invoke-BorgStoreDefrag config/k0001 -RemoveSource'
        'Export-BorgStoreItem config/k0001 $TestDrive/whatif'
    ) {
        & ([scriptblock]::Create("$_ -Store `$store -WhatIf")) | Should -BeNullOrEmpty
        Get-BorgStoreItem -Store $store -IncludeDeleted | Out-String | Should -Be $before
        Test-Path $TestDrive/whatif | Should -BeFalse
    }

    It 'copies nothing to another store' {
        Get-BorgStoreItem -Store $store | Copy-BorgStoreItem -DestinationStore $other -WhatIf
        Get-BorgStoreItem -Store $other | Should -BeNullOrEmpty
    }
}
