BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Hashes' {
    BeforeAll {
        $store = New-TestStore
        Set-BorgStoreItem config/abc -Value abc
    }
    AfterAll { Close-AllStore }

    It 'are lower-case SHA-256 by default' {
        $hash = Get-BorgStoreItemHash config/abc
        $hash.Algorithm | Should -Be 'SHA256'
        $hash.Hash | Should -BeExactly 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
        $hash.Name | Should -Be 'config/abc'
    }

    It 'match <Algorithm>' -ForEach @(
        @{ Algorithm = 'blake3'; Start = '6437b3ac' }, @{ Algorithm = 'SHA3-256'; Start = '3a985da7' }
        @{ Algorithm = 'md5'; Start = '90015098' }, @{ Algorithm = 'blake2b'; Start = 'ba80a53f' }
    ) {
        (Get-BorgStoreItemHash config/abc -Algorithm $Algorithm).Hash | Should -BeLike "$Start*"
    }

    It 'are computed for the piped soft-deleted item' {
        Remove-BorgStoreItem config/abc -Soft
        Set-BorgStoreItem config/abc -Value live
        $hash = Get-BorgStoreItem -Deleted | Get-BorgStoreItemHash
        $hash.Hash | Should -BeLike 'ba7816bf*'
        $hash.IsDeleted | Should -BeTrue
        $hash | Restore-BorgStoreItem -Force
    }

    It 'list the algorithms if one is unknown' {
        Get-ErrorText { Get-BorgStoreItemHash config/abc crc32 } | Should -BeLike "*Unsupported hash algorithm: 'crc32'*sha256*blake3*"
    }
}

Describe 'Test-BorgStoreItem' {
    BeforeAll {
        $store = New-TestStore -Namespace @{ config = 0; data = 2; packs = 1 }
        1..5 | ForEach-Object { Set-Content "$TestDrive/$_.bin" -Value "file $_" -NoNewline }
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Namespace data -ContentHash SHA256
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Namespace packs -ContentHash BLAKE3
        Set-BorgStoreItem config/main -Value x
    }
    AfterAll { Close-AllStore }

    It 'returns whether items exist' {
        Test-BorgStoreItem config/main, config/none, config/main | Should -Be $true, $false, $true
        Get-ErrorId { Test-BorgStoreItem Config/Main } | Should -Be 'InvalidName'
    }

    It 'recognises the algorithm of each namespace' {
        $results = Get-BorgStoreItem -Namespace data, packs | Test-BorgStoreItem -Integrity
        $results.Count | Should -Be 10
        $results.Valid | Select-Object -Unique | Should -BeTrue
        ($results | Where-Object Name -like 'data/*').Algorithm | Select-Object -Unique | Should -Be 'SHA256'
        ($results | Where-Object Name -like 'packs/*').Algorithm | Select-Object -Unique | Should -Be 'BLAKE3'
    }

    It 'tries the last matching algorithm first' {
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItem -Namespace packs | Test-BorgStoreItem -Integrity -ThrottleLimit 1
        (Get-BorgStoreStatistic).hash_calls | Should -Be 6 -Because 'only the first is tried with SHA-256 too'
    }

    It 'finds damaged items and keeps the order' {
        $names = (Get-BorgStoreItem -Namespace data).Name
        Set-BorgStoreItem $names[2] -Value damaged
        $results = $names | Test-BorgStoreItem -Integrity
        $results.Name | Should -Be $names
        $results.Valid | Should -Be $true, $true, $false, $true, $true
        $results[2].Expected | Should -Be ($names[2] -replace 'data/')
        $results[2].Actual | Should -Be (Get-BorgStoreItemHash $names[2]).Hash
        ($results | Where-Object -not Valid).Algorithm | Should -Be 'SHA256'
        $results | Where-Object -not Valid | Remove-BorgStoreItem
        (Get-BorgStoreItem -Namespace data | Test-BorgStoreItem -Integrity).Valid | Select-Object -Unique | Should -BeTrue
    }

    It 'reports a key that is not a digest and continues' {
        Get-ErrorId { Get-BorgStoreItem | Test-BorgStoreItem -Integrity } | Should -Be 'InvalidArgument'
        (Test-BorgStoreItem config/main -Integrity -Algorithm md5).Valid | Should -BeFalse
    }

    It 'reports a missing item with -Integrity as an error' {
        Get-ErrorId { Test-BorgStoreItem "data/$('0' * 64)" -Integrity } | Should -Be 'ObjectNotFound'
    }
}

Describe 'Test-BorgStoreItem in a store with one damaged item' {
    BeforeAll {
        # Sizes differ, so that the smallest neighbours are not the first ones.
        1..6 | ForEach-Object { Set-Content "$TestDrive/damage-$_.bin" -Value ('x' * (100 - $_)) -NoNewline }
    }
    AfterEach { Close-AllStore }

    It 'reports <Algorithm> like its neighbours' -ForEach @{ Algorithm = 'SHA256' }, @{ Algorithm = 'BLAKE3' } {
        $null = New-TestStore
        $items = Get-ChildItem $TestDrive/damage-*.bin | Set-BorgStoreItem -Namespace data -ContentHash $Algorithm -PassThru
        Set-BorgStoreItem $items[0].Name -Value damaged
        $result = $items[0] | Test-BorgStoreItem -Integrity
        $result.Valid | Should -BeFalse
        $result.Algorithm | Should -Be $Algorithm
        $result.Actual | Should -Be (Get-BorgStoreItemHash $items[0].Name $Algorithm).Hash
    }

    It 'ignores damaged neighbours and names that are not digests' {
        $null = New-TestStore
        $items = Get-ChildItem $TestDrive/damage-*.bin | Set-BorgStoreItem -Namespace data -ContentHash BLAKE3 -PassThru
        $items[0, 1] | ForEach-Object { Set-BorgStoreItem $_.Name -Value d }
        "data/$('z' * 64)", 'data/0000' | ForEach-Object { Set-BorgStoreItem $_ -Value 'z' }
        ($items[0] | Test-BorgStoreItem -Integrity).Algorithm | Should -Be 'BLAKE3'
    }

    It 'accepts both algorithms in one namespace' {
        $null = New-TestStore
        $blake3 = Get-ChildItem $TestDrive/damage-*.bin | Set-BorgStoreItem -Namespace data -ContentHash BLAKE3 -PassThru
        $sha256 = Get-ChildItem $TestDrive/damage-[1-3].bin | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru
        $results = Get-BorgStoreItem -Namespace data | Test-BorgStoreItem -Integrity
        $results.Valid | Select-Object -Unique | Should -BeTrue
        ($results | Where-Object Algorithm -eq 'BLAKE3').Name | Should -Be ($blake3.Name | Sort-Object)
        ($results | Where-Object Algorithm -eq 'SHA256').Name | Should -Be ($sha256.Name | Sort-Object)
    }

    It 'computes no more hashes in a larger namespace' {
        $store = New-TestStore
        $null = 1..200 | ForEach-Object { [pscustomobject]@{ Name = 'data/{0:x64}' -f $_; Value = "$_" } } | Set-BorgStoreItem
        $null = Get-BorgStoreStatistic -Reset
        ("data/{0:x64}" -f 7 | Test-BorgStoreItem -Integrity).Valid | Should -BeFalse
        (Get-BorgStoreStatistic).hash_calls | Should -Be 10 -Because 'the item and four neighbours are tried with two algorithms each'
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItem -Namespace data | Test-BorgStoreItem -Integrity
        (Get-BorgStoreStatistic).hash_calls | Should -Be 408 -Because 'neighbours are asked once per namespace'
    }

    It 'keeps the namespaces of different stores apart' {
        $one = New-TestStore
        $two = New-TestStore
        $file = Get-Item $TestDrive/damage-1.bin
        $valid = $file | Set-BorgStoreItem -Namespace data -ContentHash BLAKE3 -PassThru -Store $one
        $other = $file | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru -Store $two
        Set-BorgStoreItem $other.Name -Value damaged -Store $two
        $results = $valid, $other | Test-BorgStoreItem -Integrity -ThrottleLimit 1
        $results.Algorithm | Should -Be 'BLAKE3', 'SHA256'
    }
}

Describe 'A repository of Borg 2.0.0b25' {
    BeforeEach {
        $folder = "$TestDrive/$(New-Guid)"
        $null = New-Item $folder -ItemType Directory
        Expand-GoldenStore borg-b25 $folder
        $null = Open-BorgStore ([uri]::new($folder).AbsoluteUri)

        # Flips one bit in the middle of a value.
        function Set-Damage($Item) {
            $file = Get-ChildItem $folder -Recurse -File -Filter ($Item.Name -split '/')[-1]
            $bytes = [IO.File]::ReadAllBytes($file)
            $bytes[$bytes.Length / 2] = $bytes[$bytes.Length / 2] -bxor 1
            [IO.File]::WriteAllBytes($file, $bytes)
        }
    }
    AfterEach { Close-AllStore }

    It 'is recognised as using BLAKE3 and is undamaged' {
        $null = Get-BorgStoreStatistic -Reset
        $results = Get-BorgStoreItem -Namespace packs, index, keys, locks | Test-BorgStoreItem -Integrity
        $results.Count | Should -Be 11
        $results.Valid | Select-Object -Unique | Should -BeTrue
        $results.Algorithm | Select-Object -Unique | Should -Be 'BLAKE3'
        (Get-BorgStoreStatistic).hash_calls | Should -Be 11 -Because 'its version says BLAKE3'
    }

    It 'reports BLAKE3 for a damaged item of <_>, tested alone or with others' -ForEach 'packs', 'index', 'keys' {
        $item = Get-BorgStoreItem -Namespace $_ | Select-Object -First 1
        Set-Damage $item
        $damaged = Get-BorgStoreItem -Namespace packs, index, keys | Test-BorgStoreItem -Integrity | Where-Object -not Valid
        $damaged.Name | Should -Be $item.Name
        $damaged.Algorithm | Should -Be 'BLAKE3'
        $damaged.Actual | Should -Be (Get-BorgStoreItemHash $item.Name BLAKE3).Hash
        ($item | Test-BorgStoreItem -Integrity).Algorithm | Should -Be 'BLAKE3'
    }

    It 'reports BLAKE3 for a damaged lock' {
        Set-BorgStoreItem "locks/$('0' * 64)" -Value 'no lock of this name'
        (Get-BorgStoreItem -Namespace locks | Test-BorgStoreItem -Integrity).Algorithm | Should -Be 'BLAKE3'
    }

    It 'accepts an item named by SHA256 among those named by BLAKE3' {
        $name = "packs/$((Get-FileHash -InputStream ([IO.MemoryStream]::new([byte[]] (1..9)))).Hash.ToLower())"
        Set-BorgStoreItem $name -Value ([byte[]] (1..9))
        $results = Get-BorgStoreItem -Namespace packs | Test-BorgStoreItem -Integrity
        $results.Valid | Select-Object -Unique | Should -BeTrue
        ($results | Where-Object Algorithm -eq 'SHA256').Name | Should -Be $name
    }

    It 'can be measured' {
        $measure = Measure-BorgStore
        ($measure | Where-Object Namespace -eq 'packs').Count | Should -Be 6
        ($measure | Where-Object Namespace -eq 'archives').DeletedCount | Should -Be 1
    }

    It 'is recognised when new and empty' {
        Get-BorgStoreItem -Namespace packs, index, keys, archives, cache -IncludeDeleted | Remove-BorgStoreItem
        Close-AllStore
        $store = Open-BorgStore ([uri]::new($folder).AbsoluteUri)
        ($store.Namespace | Where-Object Name -eq 'packs').WriteLevel | Should -Be 1
        $store.Namespace.IsKnown | Select-Object -Unique | Should -BeTrue
        Get-BorgStoreItem -Namespace packs | Should -BeNullOrEmpty
    }
}

Describe 'Invoke-BorgStoreDefrag' {
    BeforeEach {
        $store = New-TestStore
        Set-BorgStoreItem data/aaaa -Value '0123456789'
        Set-BorgStoreItem data/bbbb -Value 'abcdefghij'
    }
    AfterEach { Close-AllStore }

    It 'creates an item from piped blocks, named by its hash' {
        $item = [pscustomobject]@{ Name = 'data/aaaa'; Offset = 8; Length = 2 }, [pscustomobject]@{ Name = 'data/bbbb'; Offset = 0; Length = 3 } |
            Invoke-BorgStoreDefrag
        Get-BorgStoreItemContent $item.Name -AsString | Should -Be '89abc'
        ($item | Test-BorgStoreItem -Integrity).Valid | Should -BeTrue
        @(Get-BorgStoreItem).Count | Should -Be 3
    }

    It 'accepts items, names, hashtables and blocks, and a name for the new item' {
        (Get-BorgStoreItem | Invoke-BorgStoreDefrag -Target data/cccc).Size | Should -Be 20
        (Invoke-BorgStoreDefrag data/aaaa, @{ Name = 'data/bbbb'; Offset = 9 } -Target data/dddd).Size | Should -Be 11
        Get-BorgStoreItemContent data/dddd -AsString | Should -Be '0123456789j'
        'data/aaaa' | Invoke-BorgStoreDefrag -Target data/eeee | ForEach-Object Size | Should -Be 10 -Because 'the Length of a piped string is none of a value'
    }

    It 'removes the sources with -RemoveSource' {
        $item = Get-BorgStoreItem | Invoke-BorgStoreDefrag -RemoveSource -Algorithm blake3
        (Get-BorgStoreItem).Name | Should -Be $item.Name
    }

    It 'removes nothing if creating the new item fails' {
        Get-ErrorId { [pscustomobject]@{ Name = 'data/aaaa'; Offset = 8; Length = 5 } | Invoke-BorgStoreDefrag -RemoveSource } | Should -Be 'ReadRange'
        Get-ErrorId { 'data/none' | Invoke-BorgStoreDefrag -RemoveSource } | Should -Be 'ObjectNotFound'
        Get-ErrorId { 1 | Invoke-BorgStoreDefrag } | Should -Be 'InputObjectNotBound'
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'rejects sources from different stores' {
        $other = New-TestStore
        Set-BorgStoreItem data/cccc -Value x -Store $other
        Get-ErrorText { (Get-BorgStoreItem -Store $store), (Get-BorgStoreItem -Store $other) | ForEach-Object { $_ } | Invoke-BorgStoreDefrag } | Should -BeLike '*two stores*Copy-BorgStoreItem*'
    }
}
