BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Get-BorgStoreItem' {
    BeforeAll {
        $store = New-TestStore -Namespace @{ config = 0; 'cache/files' = 0; cache = 0; data = 2; '' = 0 }
        'config/main', 'config/other', 'cache/x', 'cache/files/x', 'data/012345', 'root', 'config/gone' | ForEach-Object {
            [pscustomobject]@{ Name = $_; Value = $_ }
        } | Set-BorgStoreItem
        Remove-BorgStoreItem config/gone -Soft
    }
    AfterAll { Close-AllStore }

    It 'lists all items, each only once' {
        (Get-BorgStoreItem).Name | Sort-Object | Should -Be 'cache/files/x', 'cache/x', 'config/main', 'config/other', 'data/012345', 'root'
    }

    It 'returns the properties of an item' {
        $item = Get-BorgStoreItem data/012345
        $item.Namespace | Should -Be 'data'
        $item.Key | Should -Be '012345'
        $item.Size | Should -Be 11
        $item.Level | Should -Be 2
        $item.IsDeleted | Should -BeFalse
        $item.LastWriteTime | Should -BeGreaterThan ([datetime]::Now.AddMinutes(-5))
        $item.LastWriteTime.Kind | Should -Be 'Local'
        $item.Store.Uri | Should -Be $store.Uri
        "$item" | Should -Be 'data/012345'
    }

    It 'matches <Pattern>' -ForEach @(
        @{ Pattern = 'config/*'; Names = 'config/main', 'config/other' }
        @{ Pattern = 'con*'; Names = 'config/main', 'config/other' }
        @{ Pattern = '*main'; Names = @('config/main') }
        @{ Pattern = 'CONFIG/M*'; Names = @('config/main') }
        @{ Pattern = 'cache/*'; Names = 'cache/files/x', 'cache/x' }
        @{ Pattern = 'cache/?'; Names = @('cache/x') }
        @{ Pattern = 'ca*/x'; Names = 'cache/files/x', 'cache/x' }
        @{ Pattern = 'c[ao]*/[mx]*'; Names = 'cache/files/x', 'cache/x', 'config/main' }
        @{ Pattern = 'r*'; Names = @('root') }
        @{ Pattern = 'nothing*'; Names = @() }
    ) {
        @(Get-BorgStoreItem $Pattern | ForEach-Object Name | Sort-Object) | Should -Be $Names
    }

    It 'lists only the directories that can hold names with the text before the first wildcard: <Pattern>' -ForEach @(
        @{ Pattern = 'data/0012*'; Expected = 'data/00120000', 'data/00123456' }
        @{ Pattern = 'data/`00`123*5?'; Expected = 'data/00123456' }
        @{ Pattern = 'data/0012`[*'; Expected = @() }
        @{ Pattern = 'DATA/001[2]*5?'; Listable = 'data/00'; Expected = 'data/00123456' }
        @{ Pattern = 'data/00[12]*'; Listable = 'data/00'; Expected = 'data/00120000', 'data/00123456'; Refused = 'data/00/99' }
        @{ Pattern = 'data/99*'; Expected = @(); Refused = 'data/99' }
        @{ Pattern = 'data/?012*'; Expected = @(); Refused = 'data' }
    ) {
        $other = New-TestStore
        'data/00123456', 'data/00120000', 'data/00990000', 'data/99000000' | ForEach-Object { Set-BorgStoreItem $_ -Store $other -Value x }
        $other | Close-BorgStore
        $rights = @{ '' = 'r'; 'data/00/12' = 'l'; 'data/00/99' = 'r' }
        if ($Listable) { $rights[$Listable] = 'l' }
        $limited = Open-BorgStore $other.Uri -Namespace @{ data = 2 } -Permission $rights -Default
        (Get-BorgStoreItem $Pattern -ErrorAction SilentlyContinue -ErrorVariable errors).Name | Should -Be $Expected
        $errors.Count | Should -Be ([int] [bool] $Refused)
        $limited | Close-BorgStore
        if ($Refused) { "$errors" | Should -BeLike "Could not list *'$Refused'*" }
    }

    It 'reports a pattern that is not valid, also where nothing is listed, and continues' {
        (Get-BorgStoreItem 'config/[a', 'none/[a*', config/main -ErrorAction SilentlyContinue -ErrorVariable errors).Name | Should -Be config/main
        $errors.FullyQualifiedErrorId | Should -BeLike 'InvalidArgument*'
        $errors.Count | Should -Be 2
        { Get-BorgStoreItem config/* -Include '[a' } | Should -Throw "'``[a' is not a valid pattern*"
    }

    It 'searches only namespaces that can match' {
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItem config/m*
        (Get-BorgStoreStatistic).list_calls | Should -Be 1
    }

    It 'finds soft-deleted items only with -Deleted or -IncludeDeleted' {
        Get-ErrorId { Get-BorgStoreItem config/gone } | Should -Be 'ObjectNotFound'
        (Get-BorgStoreItem -Deleted).Name | Should -Be 'config/gone'
        (Get-BorgStoreItem config/gone -Deleted).IsDeleted | Should -BeTrue
        (Get-BorgStoreItem config/gone -IncludeDeleted).IsDeleted | Should -BeTrue
        @(Get-BorgStoreItem config/* -IncludeDeleted).Count | Should -Be 3
        (Get-BorgStoreItem -Deleted | Get-BorgStoreItem).Name | Should -Be 'config/gone'
    }

    It 'lists the items of the given namespaces' {
        (Get-BorgStoreItem -Namespace config, data/).Name | Sort-Object | Should -Be 'config/main', 'config/other', 'data/012345'
        Get-ErrorId { Get-BorgStoreItem -Namespace nothing } | Should -Be 'LayoutUnknown'
    }

    It 'writes one error for a missing item and continues' {
        $result = Get-BorgStoreItem config/main, config/none, config/other -ErrorAction SilentlyContinue -ErrorVariable failure
        $result.Name | Sort-Object | Should -Be 'config/main', 'config/other'
        $failure.Count | Should -Be 1
        $failure[0].FullyQualifiedErrorId | Should -Be 'ObjectNotFound,BorgStore.PowerShell.Commands.Items.GetBorgStoreItemCommand'
        $failure[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failure[0].TargetObject | Should -Be 'config/none'
    }

    It 'treats strings as patterns, but piped items and -LiteralName literally' {
        ('config/m*' | Get-BorgStoreItem).Name | Should -Be 'config/main'
        Get-ErrorText { Get-BorgStoreItem -LiteralName 'config/m*' } | Should -BeLike "*config/m*"
        Get-ErrorText { [pscustomobject]@{ Name = 'config/m*' } | Get-BorgStoreItem } | Should -BeLike "*config/m*"
        Get-ErrorId { Get-BorgStoreItem 'config/`*' } | Should -BeIn 'ObjectNotFound', 'InvalidName'
    }

    It 'reads foreign items whose names contain wildcards and warns about them' -Skip:$IsWindows {
        $folder = ([uri] $store.Uri).LocalPath
        Set-Content -LiteralPath "$folder/config/a[1]" -Value foreign -NoNewline
        Set-Content -LiteralPath "$folder/config/a1" -Value other -NoNewline
        Set-Content -LiteralPath "$folder/config/a*" -Value star -NoNewline
        $items = Get-BorgStoreItem config/a* -WarningVariable warning -WarningAction SilentlyContinue
        "$warning" | Should -BeLike 'Items with names that not every platform can hold: 1.*'
        $items.Name | Should -Be 'config/a*', 'config/a1', 'config/a[1]'
        ($items | Get-BorgStoreItemContent -AsString) | Should -Be 'star', 'other', 'foreign'
        ($items | Get-BorgStoreItem).Count | Should -Be 3
        $items | Remove-BorgStoreItem
    }
}

Describe 'A selection of items' {
    BeforeAll {
        $store = New-TestStore 3
        'data/x0001', 'config/old.bak' | ForEach-Object { Set-BorgStoreItem $_ -Value x }
        Remove-BorgStoreItem config/k0003 -Soft
    }
    AfterAll { Close-AllStore }

    It 'is made by key if a namespace is given' {
        (Get-BorgStoreItem -Namespace config -Name *1*).Name | Should -Be config/k0001
        (Get-BorgStoreItem *1* -Namespace config, data).Name | Should -Be config/k0001, data/x0001
        (Get-BorgStoreItem -Namespace config -Name k0002, old.bak).Name | Sort-Object | Should -Be config/k0002, config/old.bak
        (Get-BorgStoreItem -Namespace config -Name config/k*).Name | Should -Be config/k0001, config/k0002
        ('k0001' | Get-BorgStoreItem -Namespace config).Name | Should -Be config/k0001
        Get-ErrorId { Get-BorgStoreItem -Namespace config -Name none } | Should -Be 'ObjectNotFound'
        Get-ErrorId { Get-BorgStoreItem -Namespace nothing -Name a* } | Should -Be 'LayoutUnknown'
    }

    It 'can be narrowed by -Include and -Exclude' {
        (Get-BorgStoreItem -Include k*, *.bak).Name | Should -Be config/k0001, config/k0002, config/old.bak
        (Get-BorgStoreItem -Namespace config -Exclude *.bak, *1).Name | Should -Be config/k0002
        (Get-BorgStoreItem -Exclude config/*).Name | Should -Be data/x0001
        (Get-BorgStoreItem config/* -Include *1, *2 -Exclude *2).Name | Should -Be config/k0001
        Get-BorgStoreItem config/k0001 -Exclude k* | Should -BeNullOrEmpty
        (Get-BorgStoreItem -IncludeDeleted -Include *3).Name | Should -Be config/k0003
    }

    It 'accepts only one of -Deleted and -IncludeDeleted' {
        Get-ErrorId { Get-BorgStoreItem -Deleted -IncludeDeleted } | Should -Be 'InvalidArgument'
        Get-ErrorText { Get-BorgStoreItem config/* -Deleted -IncludeDeleted } | Should -BeLike '*-Deleted*-IncludeDeleted*only one*'
        (Get-BorgStoreItem -Deleted | Get-BorgStoreItem -IncludeDeleted).Name | Should -Be config/k0003 -Because 'an item says itself that it is deleted'
    }
}

Describe 'Remove-BorgStoreItem and Restore-BorgStoreItem' {
    BeforeEach { $store = New-TestStore 3 }
    AfterEach { Close-AllStore }

    It 'removes items permanently' {
        Remove-BorgStoreItem config/k0001, config/k0002
        (Get-BorgStoreItem -Name * -IncludeDeleted).Name | Should -Be 'config/k0003'
    }

    It 'restores an item removed with -Soft' {
        Remove-BorgStoreItem config/k0001 -Soft
        Restore-BorgStoreItem config/k0001
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'value 1'
    }

    It 'processes exactly the items listed by -Deleted, never live namesakes' {
        Get-BorgStoreItem config/k0001, config/k0002 | Remove-BorgStoreItem -Soft
        Set-BorgStoreItem config/k0001 -Value 'live namesake'
        Get-BorgStoreItem -Deleted | Remove-BorgStoreItem
        Get-BorgStoreItem -Deleted | Should -BeNullOrEmpty
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'live namesake'
    }

    It 'still processes exactly those items after a round trip through CSV and JSON' {
        Remove-BorgStoreItem config/k0001, config/k0002 -Soft
        Set-BorgStoreItem config/k0001 -Value live
        Get-BorgStoreItem config/k0001 -Deleted | Export-Csv $TestDrive/items.csv
        Import-Csv $TestDrive/items.csv | Remove-BorgStoreItem
        Get-BorgStoreItem config/k0002 -Deleted | ConvertTo-Json | ConvertFrom-Json | Remove-BorgStoreItem
        (Get-BorgStoreItem -IncludeDeleted).Name | Should -Be 'config/k0001', 'config/k0003'
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'live'
    }

    It 'rejects soft-deleting a soft-deleted item' {
        Remove-BorgStoreItem config/k0001 -Soft
        Get-ErrorId { Get-BorgStoreItem -Deleted | Remove-BorgStoreItem -Soft } | Should -Be 'InvalidArgument'
    }

    It 'restores over a live item only with -Force' {
        Remove-BorgStoreItem config/k0001 -Soft
        Set-BorgStoreItem config/k0001 -Value live
        Get-ErrorId { Get-BorgStoreItem -Deleted | Restore-BorgStoreItem } | Should -Be 'ObjectAlreadyExists'
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'live'
        Get-BorgStoreItem -Deleted | Restore-BorgStoreItem -Force
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'value 1'
        Get-ErrorId { Restore-BorgStoreItem config/k0001 } | Should -Be 'ObjectNotFound'
    }

    It 'returns the processed items only with -PassThru' {
        Remove-BorgStoreItem config/k0001 | Should -BeNullOrEmpty
        (Remove-BorgStoreItem config/k0002 -PassThru).Name | Should -Be 'config/k0002'
        (Remove-BorgStoreItem config/k0003 -Soft -PassThru).IsDeleted | Should -BeTrue
        (Restore-BorgStoreItem config/k0003 -PassThru).IsDeleted | Should -BeFalse
    }

    It 'writes an error for a missing item and continues with the others' {
        Get-ErrorId { Remove-BorgStoreItem config/none, config/k0001 } | Should -Be 'ObjectNotFound'
        (Get-BorgStoreItem).Name | Should -Be 'config/k0002', 'config/k0003'
    }

    It 'treats names literally' {
        Get-ErrorId { Remove-BorgStoreItem 'config/*' } | Should -BeIn 'ObjectNotFound', 'InvalidName'
        @(Get-BorgStoreItem).Count | Should -Be 3
    }
}

Describe 'Move-BorgStoreItem' {
    BeforeEach { $store = New-TestStore 3 }
    AfterEach { Close-AllStore }

    It 'renames an item' {
        Move-BorgStoreItem config/k0001 config/new
        Get-BorgStoreItemContent config/new -AsString | Should -Be 'value 1'
        Test-BorgStoreItem config/k0001 | Should -BeFalse
    }

    It 'moves into a namespace' {
        Get-BorgStoreItem config/k* | Move-BorgStoreItem -Destination data/
        (Get-BorgStoreItem).Name | Should -Be 'data/k0001', 'data/k0002', 'data/k0003'
    }

    It 'accepts a script block as -Destination' {
        (Get-BorgStoreItem | Move-BorgStoreItem -Destination { $_.Name -replace 'k', 'z' } -PassThru).Name | Sort-Object |
            Should -Be 'config/z0001', 'config/z0002', 'config/z0003'
    }

    It 'takes -Destination from a property of the input' {
        [pscustomobject]@{ Name = 'config/k0001'; Destination = 'config/one' }, [pscustomobject]@{ Name = 'config/k0002'; Destination = 'data/' } |
            Move-BorgStoreItem
        (Get-BorgStoreItem).Name | Should -Be 'config/k0003', 'config/one', 'data/k0002'
    }

    It 'moves nothing if several items would get the same name' {
        Get-ErrorId { Get-BorgStoreItem | Move-BorgStoreItem -Destination config/one -Force } | Should -Be 'InvalidArgument'
        Get-ErrorId { Move-BorgStoreItem config/k0001, config/k0002 config/one -Force } | Should -Be 'InvalidArgument'
        (Get-BorgStoreItem).Name | Should -Be 'config/k0001', 'config/k0002', 'config/k0003'
    }

    It 'loses no item if a script block returns the same name twice' {
        Get-ErrorId { Get-BorgStoreItem | Move-BorgStoreItem -Destination { 'config/one' } -Force } | Should -Be 'InvalidArgument', 'InvalidArgument'
        @(Get-BorgStoreItem).Count | Should -Be 3
        Get-BorgStoreItemContent config/one -AsString | Should -Be 'value 1'
    }

    It 'replaces an item only with -Force' {
        Get-ErrorId { Move-BorgStoreItem config/k0001 config/k0002 } | Should -Be 'ObjectAlreadyExists'
        Get-BorgStoreItemContent config/k0002 -AsString | Should -Be 'value 2'
        Move-BorgStoreItem config/k0001 config/k0002 -Force
        Get-BorgStoreItemContent config/k0002 -AsString | Should -Be 'value 1'
    }

    It 'keeps a soft-deleted item soft-deleted' {
        Remove-BorgStoreItem config/k0001 -Soft
        Set-BorgStoreItem config/k0001 -Value live
        Get-BorgStoreItem -Deleted | Move-BorgStoreItem -Destination data/
        (Get-BorgStoreItem -Deleted).Name | Should -Be 'data/k0001'
        Get-BorgStoreItemContent config/k0001 -AsString | Should -Be 'live'
    }

    It 'moves items to the level of new ones with -ChangeLevel' {
        $store | Close-BorgStore
        $store = Open-BorgStore $store.Uri -Namespace @{ config = 0, 1 }
        (Get-BorgStoreItem | Move-BorgStoreItem -ChangeLevel -PassThru).Level | Select-Object -Unique | Should -Be 1
        (Get-BorgStoreItem).Name | Should -Be 'config/k0001', 'config/k0002', 'config/k0003'
    }
}

Describe 'Copy-BorgStoreItem' {
    BeforeEach { $store = New-TestStore 3 }
    AfterEach { Close-AllStore }

    It 'copies within a store' {
        Copy-BorgStoreItem config/k0001 config/copy
        Get-BorgStoreItemContent config/k0001, config/copy -AsString | Should -Be 'value 1', 'value 1'
        Get-ErrorId { Copy-BorgStoreItem config/k0002 config/copy } | Should -Be 'ObjectAlreadyExists'
        Copy-BorgStoreItem config/k0002 config/copy -Force
        Get-BorgStoreItemContent config/copy -AsString | Should -Be 'value 2'
    }

    It 'skips with -SkipExisting what exists in the same size, and reports another size' {
        $other = New-TestStore
        Set-BorgStoreItem config/k0001 -Value 'other 1' -Store $other
        Set-BorgStoreItem config/k0002 -Value 'of another size' -Store $other
        $copy = { Get-BorgStoreItem -Store $store | Copy-BorgStoreItem -DestinationStore $other -SkipExisting -PassThru -ErrorAction SilentlyContinue -ErrorVariable script:errors }
        (& $copy).Name | Should -Be config/k0003
        $errors.FullyQualifiedErrorId | Should -BeLike 'ObjectAlreadyExists*'
        "$errors" | Should -BeLike "'config/k0002' was not copied: *15 bytes instead of 7*"
        Get-BorgStoreItemContent config/k0001, config/k0002, config/k0003 -Store $other -AsString | Should -Be 'other 1', 'of another size', 'value 3'
        Remove-BorgStoreItem config/k0002 -Store $other
        (& $copy).Name | Should -Be config/k0002
        & $copy | Should -BeNullOrEmpty
        $errors | Should -BeNullOrEmpty
        Get-ErrorId { Copy-BorgStoreItem config/none config/k0001 -Store $store -SkipExisting } | Should -Be 'ObjectNotFound'
    }

    It 'copies to another store under the same or other names' {
        $other = New-TestStore
        Get-BorgStoreItem -Store $store | Copy-BorgStoreItem -DestinationStore $other
        (Get-BorgStoreItem -Store $other).Name | Should -Be 'config/k0001', 'config/k0002', 'config/k0003'
        $copies = Get-BorgStoreItem config/k0001 -Store $store | Copy-BorgStoreItem -DestinationStore $other.Uri -Destination data/ -PassThru
        $copies.Name | Should -Be 'data/k0001'
        $copies.Store.Uri | Should -Be $other.Uri
    }

    It 'copies the value of a soft-deleted item and not of its live namesake' {
        Remove-BorgStoreItem config/k0001 -Soft
        Set-BorgStoreItem config/k0001 -Value live
        Get-BorgStoreItem -Deleted | Copy-BorgStoreItem -Destination config/copy
        Get-BorgStoreItemContent config/copy -AsString | Should -Be 'value 1'
    }

    It 'names a missing parameter' {
        Get-ErrorText { Copy-BorgStoreItem config/k0001 } | Should -BeLike '*-Destination*'
    }
}
