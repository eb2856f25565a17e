BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    # Opens a store that takes a number of milliseconds for each call.
    function Open-SlowStore($Store, [int] $Milliseconds) {
        $Store | Close-BorgStore
        Open-BorgStore $Store.Uri -Namespace @{ config = 0; data = 2 } -Latency ([timespan]::FromMilliseconds($Milliseconds))
    }

    # Starts a script in a runspace of its own and stops it after a while, like Ctrl-C. Returns how long stopping took.
    function Stop-Script([string] $Script, [int] $AfterMilliseconds = 1500) {
        $shell = [powershell]::Create()
        $null = $shell.AddScript("Import-Module '$modulePath'; `$ErrorActionPreference = 'Continue'; $Script")
        $run = $shell.BeginInvoke()
        Start-Sleep -Milliseconds $AfterMilliseconds
        $run.IsCompleted | Should -BeFalse -Because 'it was to be stopped while it ran'
        $time = Measure-Command { $shell.Stop() }
        $shell.Dispose()
        $time
    }
}

Describe 'The early end of a pipeline' {
    BeforeAll { $store = New-TestStore 200 }
    AfterAll { Close-AllStore }

    It 'stops a listing within a second of Ctrl-C' {
        (Stop-Script "`$null = Open-BorgStore '$($store.Uri)' -Latency 00:00:30; Get-BorgStoreItem").TotalSeconds | Should -BeLessThan 1
    }

    It 'stops reads, changes, hashes and tests within a second of Ctrl-C: <_>' -ForEach @(
        'Get-BorgStoreItemContent $names', 'Remove-BorgStoreItem $names', 'Get-BorgStoreItemHash $names', 'Test-BorgStoreItem $names'
        '$names | Set-BorgStoreItem config/x; $names | ForEach-Object { [pscustomobject]@{ Name = $_; Value = 1 } } | Set-BorgStoreItem'
        'Move-BorgStoreItem $names data/', 'Measure-BorgStore', 'Get-BorgStoreItemContent $names -Destination ([IO.Path]::GetTempPath())'
    ) {
        $victim = New-TestStore 40
        $open = "`$null = Open-BorgStore '$($victim.Uri)' -Namespace @{ config = 0; data = 2 } -Latency 00:01:00"
        (Stop-Script "$open; `$names = 1..40 | ForEach-Object { 'config/k{0:d4}' -f `$_ }; $_").TotalSeconds | Should -BeLessThan 1
        @(Get-BorgStoreItem config/k* -Store $victim).Count | Should -BeGreaterOrEqual 32 -Because 'no more than eight were begun'
        $victim | Close-BorgStore
    }

    It 'also ends the producer after Select-Object -First' {
        $time = Measure-Command { $items = Get-BorgStoreItem | Select-Object -First 3 }
        $items.Name | Should -Be 'config/k0001', 'config/k0002', 'config/k0003'
        $values = Get-BorgStoreItem | Get-BorgStoreItemContent -AsString | Select-Object -First 3
        $values | Should -Be 'value 1', 'value 2', 'value 3'
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItem | Get-BorgStoreItemContent -ThrottleLimit 4 | Select-Object -First 3
        (Get-BorgStoreStatistic).load_calls | Should -BeLessThan 20 -Because 'what nobody wants is not loaded'
    }

    It 'finishes changes in progress, starts no others and reports those done' {
        $changing = New-TestStore 40
        $done = Get-BorgStoreItem -Store $changing | Remove-BorgStoreItem -ThrottleLimit 4 -PassThru -WarningVariable warning -WarningAction SilentlyContinue |
            Select-Object -First 1
        @($done).Count | Should -Be 1
        $left = @(Get-BorgStoreItem -Store $changing)
        $left.Count | Should -BeGreaterOrEqual 30
        $gone = 40 - $left.Count
        if ($gone -gt 1) { "$warning" | Should -BeLike "*operations that had begun were completed. Done: $gone (config/*" }
        $changing | Close-BorgStore
    }

    It 'reports the changes done before an error' {
        $fast = New-TestStore 20
        # Slow, so that the error of the name that needs no request is the first one.
        $changing = Open-BorgStore $fast.Uri @{ config = 0; data = 2 } -Latency 0:0:0.5
        try {
            'config/k0001', 'config/k0002', 'config/k0003', 'config/../none' |
                Remove-BorgStoreItem -Store $changing -ErrorAction Stop -WarningVariable warning -WarningAction SilentlyContinue
        }
        catch {
            $_.FullyQualifiedErrorId | Should -BeLike 'InvalidName*'
        }
        $changing | Close-BorgStore
        $gone = 20 - @(Get-BorgStoreItem -Store $fast).Count
        if ($gone) { "$warning" | Should -BeLike "*Done: $gone (config/k*" } else { $warning | Should -BeNullOrEmpty }
        $fast | Close-BorgStore
    }

    It 'summarises many changes as their number and three names' {
        $changing = New-TestStore 100
        $slow = Open-SlowStore $changing 500
        $null = Get-BorgStoreItem -Store $slow | Remove-BorgStoreItem -ThrottleLimit 40 -PassThru -WarningVariable warning -WarningAction SilentlyContinue | Select-Object -First 1
        "$warning".Length | Should -BeLessThan 200
        [int] ("$warning" -replace '(?s).*Done: (\d+) \(config/k\d+, config/k\d+, config/k\d+, …\).*', '$1') | Should -BeGreaterThan 3
        $slow | Close-BorgStore
    }

    It 'can be caused by break or by a downstream error' {
        foreach ($once in 1) {
            Get-BorgStoreItem | ForEach-Object { break }
        }
        { Get-BorgStoreItem | ForEach-Object { throw 'downstream' } } | Should -Throw 'downstream'
        @(Get-BorgStoreItem).Count | Should -Be 200
    }

    It 'disposes streams that were not consumed' {
        $other = New-TestStore 20
        $other | Close-BorgStore
        $stream = Get-BorgStoreItem -Store $other.Uri | Get-BorgStoreItemContent -AsStream | Select-Object -First 1
        $stream.Dispose()
        $handle = [BorgStore.PowerShell.Session.BorgStoreHandle].GetProperty('Connection', [Reflection.BindingFlags] 'NonPublic, Instance')
        $connection = $handle.GetValue((Get-BorgStoreItem config/k0001 -Store $other.Uri).Store)
        $connection.GetType().GetField('_leases', [Reflection.BindingFlags] 'NonPublic, Instance').GetValue($connection) | Should -Be 0
    }
}

Describe 'The variable of -PipelineVariable' {
    BeforeAll { $store = New-TestStore 40 }
    AfterAll { Close-AllStore }

    It 'refers to the current item behind <_> with -ThrottleLimit 1' -ForEach @(
        'Get-BorgStoreItem -ThrottleLimit 1 | ForEach-Object Name', 'Get-BorgStoreItemContent -ThrottleLimit 1 -AsObject | ForEach-Object Name'
        'Get-BorgStoreItemHash -ThrottleLimit 1 | ForEach-Object Name', 'Test-BorgStoreItem -Integrity -ThrottleLimit 1 -ErrorAction Ignore | ForEach-Object Name'
        'Get-BorgStoreItemContent -ThrottleLimit 1 -Offset 0 -Length 3 -AsObject | ForEach-Object Name'
        'ForEach-Object { @{ Name = $_; Offset = 0; Length = 3 } } | Get-BorgStoreItemContent -ThrottleLimit 1 -AsObject | ForEach-Object Name'
        'Set-BorgStoreItem -Name { "$_" } -ThrottleLimit 1 -PassThru | ForEach-Object Name'
        'Copy-BorgStoreItem -Destination { $_ + "x" } -ThrottleLimit 1 -PassThru | ForEach-Object { $_.Name.TrimEnd("x") }'
        'Move-BorgStoreItem -Destination { $_ + "y" } -ThrottleLimit 1 -PassThru | ForEach-Object { $_.Name.TrimEnd("y") }'
    ) {
        # Some stages take long, so that a delayed result would be noticed.
        $names = 1..5 | ForEach-Object { 'config/k{0:d4}' -f $_ }
        $script = "`$names | ForEach-Object { `$_ } -PipelineVariable source | $_ | ForEach-Object { `$count++; if (`$source -ne `$_) { `"`$source is not `$_`" } }"
        $count = 0
        . ([scriptblock]::Create($script)) | Should -BeNullOrEmpty
        if ($_ -notlike 'Test-*') { $count | Should -Be 5 }
    }
}

Describe 'Values returned with -AsObject' {
    BeforeAll { $store = New-TestStore 3 }
    AfterAll { Close-AllStore }

    It 'can be piped to Set-BorgStoreItem as <Form>' -ForEach @(
        @{ Form = 'bytes'; Option = @{} }, @{ Form = 'text'; Option = @{ AsString = $true } }, @{ Form = 'streams'; Option = @{ AsStream = $true } }
    ) {
        $copy = New-TestStore
        $values = Get-BorgStoreItem -Store $store | Get-BorgStoreItemContent @Option -AsObject
        $values.Name | Should -Be config/k0001, config/k0002, config/k0003
        $values | Set-BorgStoreItem -Store $copy
        Get-BorgStoreItem -Store $copy | Get-BorgStoreItemContent -AsString | Should -Be 'value 1', 'value 2', 'value 3'
        $copy | Close-BorgStore
    }

    It 'can be changed and stored again in their own store' {
        Get-BorgStoreItemContent config/k0001 -AsString -AsObject | ForEach-Object { $_.Value += '!'; $_ } | Set-BorgStoreItem
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'value 1!'
    }

    It 'cannot be joined' {
        Get-ErrorId { Get-BorgStoreItemContent config/k0001, config/k0002 -AsObject -Join } | Should -Be 'InvalidArgument'
    }
}

Describe 'Errors within a pipeline' {
    BeforeAll { $store = New-TestStore 10 }
    AfterAll { Close-AllStore }

    It 'are one record each, and the rest is processed' {
        $values = 'config/k0001', 'config/none', 'config/k0003', 'nothing/x', 'config/k0005' |
            Get-BorgStoreItemContent -AsString -ErrorAction SilentlyContinue -ErrorVariable failure
        $values | Should -Be 'value 1', 'value 3', 'value 5'
        $failure.TargetObject | Should -Be 'config/none', 'nothing/x'
        ($failure.FullyQualifiedErrorId -replace ',.*') | Should -Be 'ObjectNotFound', 'LayoutUnknown'
    }

    It 'are written in input order' {
        $all = 'config/k0001', 'config/none', 'config/k0003' | Get-BorgStoreItemHash -ErrorAction Continue 2>&1
        $all[0].Name | Should -Be 'config/k0001'
        $all[1] | Should -BeOfType [Management.Automation.ErrorRecord]
        $all[2].Name | Should -Be 'config/k0003'
    }

    It 'affect only the record that names a wrong store' {
        $bad = [pscustomobject]@{ Name = 'config/k0001'; Store = New-TestUri }
        $good = Get-BorgStoreItem config/k0002
        $values = $bad, $good | Get-BorgStoreItemContent -AsString -ErrorAction SilentlyContinue -ErrorVariable failure
        $values | Should -Be 'value 2'
        ($failure.FullyQualifiedErrorId -replace ',.*') | Should -Be 'StoreDoesNotExist'
    }

    It 'end the command if the command line names a wrong store' {
        Get-ErrorId { 1..3 | ForEach-Object { "config/k000$_" } | Get-BorgStoreItemContent -Store (New-TestUri) } | Should -Be 'StoreDoesNotExist'
    }

    It 'have a category for every StoreError' {
        $codes = [enum]::GetValues([BorgStore.StoreError])
        $map = [BorgStore.PowerShell.Pipeline.StoreCommand].Assembly.GetType('BorgStore.PowerShell.Pipeline.ErrorRecords')
        foreach ($code in $codes) {
            $record = $map.GetMethod('From').Invoke($null, @([BorgStore.StoreException]::new($code, 'text', 'name', $null), $null))
            $record.CategoryInfo.Category | Should -Not -Be 'NotSpecified' -Because "$code has one"
            $record.FullyQualifiedErrorId | Should -Be $code
            $record.TargetObject | Should -Be 'name'
        }
    }
}

Describe 'Parallel processing' {
    BeforeAll { $store = Open-SlowStore (New-TestStore 40) 100 }
    AfterAll { Close-AllStore }

    It 'processes eight items at a time by default, or -ThrottleLimit' {
        $names = 1..40 | ForEach-Object { 'config/k{0:d4}' -f $_ }
        $eight = Measure-Command { $names | Get-BorgStoreItemContent }
        $one = Measure-Command { $names[0..9] | Get-BorgStoreItemContent -ThrottleLimit 1 }
        $forty = Measure-Command { $names | Get-BorgStoreItemContent -ThrottleLimit 40 }
        $one.TotalMilliseconds | Should -BeGreaterThan 950
        $eight.TotalMilliseconds | Should -BeGreaterThan 450
        $eight.TotalMilliseconds | Should -BeLessThan 3000
        $forty.TotalMilliseconds | Should -BeLessThan 3000
    }

    It 'starts nothing after an error with -ThrottleLimit 1 and -ErrorAction Stop' {
        $strict = New-TestStore 5
        { 'config/k0001', 'config/none', 'config/k0003', 'config/k0004' | Remove-BorgStoreItem -Store $strict -ThrottleLimit 1 -ErrorAction Stop } |
            Should -Throw '*config/none*'
        (Get-BorgStoreItem -Store $strict).Name | Should -Be ('config/k0002', 'config/k0003', 'config/k0004', 'config/k0005')
        $strict | Close-BorgStore
    }

    It 'returns results while the upstream is idle' {
        $clock = [Diagnostics.Stopwatch]::StartNew()
        $times = 1..3 | ForEach-Object { Start-Sleep -Milliseconds 700; "config/k000$_" } |
            Get-BorgStoreItemHash | ForEach-Object { $clock.ElapsedMilliseconds }
        # Without the wait, the first result would appear with the second record, 700 ms later.
        ($times[1] - $times[0]) | Should -BeGreaterThan 400
        $times[0] | Should -BeLessThan 1390
    }

    It 'supports one store object in parallel runspaces' {
        $module = (Get-Module BorgStore).Path
        $values = 1..12 | ForEach-Object -Parallel {
            Import-Module $using:module
            Get-BorgStoreItemContent ('config/k{0:d4}' -f $_) -Store $using:store -AsString
        } -ThrottleLimit 4
        $values | Sort-Object | Should -Be (1..12 | ForEach-Object { "value $_" } | Sort-Object)
    }

    It 'supports items in parallel runspaces' {
        $values = Get-BorgStoreItem config/k000* | ForEach-Object -Parallel {
            Import-Module $using:modulePath
            $_ | Get-BorgStoreItemContent -AsString
        } -ThrottleLimit 3
        $values.Count | Should -Be 9
    }

    It 'shows progress after a while, but not with SilentlyContinue' {
        $shell = [powershell]::Create()
        $null = $shell.AddScript("Import-Module '$modulePath'; `$s = Open-BorgStore '$($store.Uri)' -Latency 00:00:00.2; Get-BorgStoreItem config/* | Get-BorgStoreItemContent -ThrottleLimit 4; `$s | Close-BorgStore")
        $null = $shell.Invoke()
        $progress = @($shell.Streams.Progress)
        $progress.Count | Should -BeGreaterThan 1
        $progress[-1].RecordType | Should -Be 'Completed'
        ($progress | Where-Object Activity -eq 'Get-BorgStoreItemContent' | Select-Object -First 1).StatusDescription | Should -BeLike '*done*in progress*'
        $shell.Dispose()
    }
}
