BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Retention' {
    BeforeEach {
        $store = New-TestStore
        foreach ($name in 'old', 'young', 'live') { Set-BorgStoreItem "config/$name" -Value $name }
    }
    AfterEach { Close-AllStore }

    It 'removes what was soft-deleted long enough ago' -Skip:(-not $IsLinux) {
        Remove-BorgStoreItem config/old -Soft
        $item = Get-BorgStoreItem config/* -Deleted
        $item.DeletedTime | Should -BeGreaterThan (Get-Date).AddMinutes(-1)
        (Get-BorgStoreItem config/live).DeletedTime | Should -BeNullOrEmpty
        Start-Sleep -Milliseconds 1100
        Remove-BorgStoreItem config/young -Soft

        Get-BorgStoreItem * -Deleted | Remove-BorgStoreItem -OlderThan 30d
        (Get-BorgStoreItem * -Deleted).Count | Should -Be 2
        $boundary = (Get-Date) - ($item.DeletedTime.AddMilliseconds(500))
        Get-BorgStoreItem * -Deleted | Remove-BorgStoreItem -OlderThan $boundary -WhatIf
        (Get-BorgStoreItem * -Deleted).Count | Should -Be 2
        Get-BorgStoreItem * -Deleted | Remove-BorgStoreItem -OlderThan $boundary -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        (Get-BorgStoreItem * -Deleted).Key | Should -Be 'young'

        Remove-BorgStoreItem config/young -Deleted -OlderThan 12h
        Test-BorgStoreItem config/young -Deleted | Should -BeTrue
        Remove-BorgStoreItem config/young -Deleted -OlderThan 0
        Test-BorgStoreItem config/young -Deleted | Should -BeFalse
        Test-BorgStoreItem config/live | Should -BeTrue
    }

    It 'survives CSV, and is the same behind a server' -Skip:(-not $IsLinux) {
        Remove-BorgStoreItem config/old -Soft
        Get-BorgStoreItem config/* -IncludeDeleted | Export-Csv $TestDrive/items.csv
        Import-Csv $TestDrive/items.csv | Where-Object IsDeleted -eq False | Remove-BorgStoreItem
        (Get-BorgStoreItem -IncludeDeleted).Key | Should -Be 'old'

        $time = (Get-BorgStoreItem -Deleted).DeletedTime
        $server = Start-BorgStoreServer $store.Uri -Port 0
        try {
            foreach ($item in (Get-BorgStoreItem * -Deleted -Store $server.Uri), (Get-BorgStoreItem config/old -Deleted -Store $server.Uri)) {
                [math]::Abs(($item.DeletedTime - $time).TotalMilliseconds) | Should -BeLessThan 1
            }
            Get-BorgStoreItem * -Deleted -Store $server.Uri | Remove-BorgStoreItem -OlderThan 1h
            Get-BorgStoreItem * -Deleted -Store $server.Uri | Remove-BorgStoreItem -OlderThan 0
        }
        finally { $server | Stop-BorgStoreServer }
        Get-BorgStoreItem * -Deleted | Should -BeNullOrEmpty
    }

    It 'keeps items whose time of deletion is unknown, and says so once' {
        Remove-BorgStoreItem config/old, config/young -Soft
        $items = Get-BorgStoreItem * -Deleted | Select-Object Name, Store, IsDeleted, Level
        $items | Remove-BorgStoreItem -OlderThan 0 -WarningVariable warnings 3>$null
        $warnings | Should -BeLike "*were kept*: 2 (the first is 'config/old')*without -OlderThan.*"
        (Get-BorgStoreItem * -Deleted).Count | Should -Be 2
    }

    It 'is only for soft-deleted items' {
        Get-ErrorText { Remove-BorgStoreItem config/live -OlderThan 30d } | Should -BeLike "'config/live' was not removed: -OlderThan is the time since a soft deletion.*-Deleted*"
        Get-ErrorId { Get-BorgStoreItem * | Remove-BorgStoreItem -OlderThan 0 } | Should -Be 'InvalidArgument', 'InvalidArgument', 'InvalidArgument'
        Get-ErrorId { Remove-BorgStoreItem config/live -Soft -OlderThan 1d } | Should -Be 'InvalidArgument'
        Get-ErrorId { Remove-BorgStoreItem config/live -Deleted -OlderThan -1:00 } | Should -Be 'InvalidArgument'
        Get-ErrorId { Remove-BorgStoreItem config/none -Deleted -OlderThan 1d } | Should -Be 'ObjectNotFound'
        Get-ErrorText { Remove-BorgStoreItem config/live -Deleted -OlderThan 30 } | Should -BeLike '*30 has no unit*30d*'
        (Get-BorgStoreItem config/*).Count | Should -Be 3
    }

    It 'takes times with units' {
        $transform = [BorgStore.PowerShell.Binding.TimeTransformationAttribute]
        foreach ($case in @{ Given = 30d; Days = 30 }, @{ Given = '36h'; Days = 1.5 }, @{ Given = '1.5d'; Days = 1.5 }, @{ Given = '720m'; Days = 0.5 }, @{ Given = 30s; Days = 30 / 86400 }) {
            $transform::Convert($case.Given).TotalDays | Should -Be $case.Days
        }
        $transform::Convert('1.00:00:00') | Should -Be '1.00:00:00'
    }
}
