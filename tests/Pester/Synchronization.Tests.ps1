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

    It 'transfers keep to the limit of a cmdlet' {
        [pscustomobject]@{ Name = 'config/large'; Value = [byte[]]::new(200KB) } | Set-BorgStoreItem -Store $a
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
