BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Hashes' {
    BeforeAll {
        $store = New-TestStore
        Set-BorgStoreItem config/abc -Value abc
    }
    AfterAll { Close-AllStore }

    It 'are SHA-256 by default, in lower case as keys are' {
        $hash = Get-BorgStoreItemHash config/abc
        $hash.Algorithm | Should -Be 'SHA256'
        $hash.Hash | Should -BeExactly 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
        $hash.Name | Should -Be 'config/abc'
    }

    It 'are what <Algorithm> says' -ForEach @(
        @{ Algorithm = 'blake3'; Start = '6437b3ac' }, @{ Algorithm = 'SHA3-256'; Start = '3a985da7' }
        @{ Algorithm = 'md5'; Start = '90015098' }, @{ Algorithm = 'blake2b'; Start = 'ba80a53f' }
    ) {
        (Get-BorgStoreItemHash config/abc -Algorithm $Algorithm).Hash | Should -BeLike "$Start*"
    }

    It 'are those of the soft-deleted item that is piped' {
        Remove-BorgStoreItem config/abc -Soft
        Set-BorgStoreItem config/abc -Value live
        $hash = Get-BorgStoreItem -Deleted | Get-BorgStoreItemHash
        $hash.Hash | Should -BeLike 'ba7816bf*'
        $hash.IsDeleted | Should -BeTrue
        $hash | Restore-BorgStoreItem -Force
    }

    It 'know their algorithms' {
        Get-ErrorText { Get-BorgStoreItemHash config/abc crc32 } | Should -BeLike "*no hash algorithm 'crc32'*sha256*blake3*"
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

    It 'tells whether items exist' {
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

    It 'tries first what matched before' {
        $null = Get-BorgStoreStatistic -Reset
        $null = Get-BorgStoreItem -Namespace packs | Test-BorgStoreItem -Integrity -ThrottleLimit 1
        (Get-BorgStoreStatistic).hash_calls | Should -Be 6 -Because 'only the first is tried with SHA-256 too'
    }

    It 'finds damage, and keeps the order' {
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

    It 'says that a key is no digest, and goes on' {
        Get-ErrorId { Get-BorgStoreItem | Test-BorgStoreItem -Integrity } | Should -Be 'InvalidArgument'
        (Test-BorgStoreItem config/main -Integrity -Algorithm md5).Valid | Should -BeFalse
    }

    It 'finds a missing item with -Integrity an error' {
        Get-ErrorId { Test-BorgStoreItem "data/$('0' * 64)" -Integrity } | Should -Be 'ObjectNotFound'
    }
}

Describe 'Invoke-BorgStoreDefrag' {
    BeforeEach {
        $store = New-TestStore
        Set-BorgStoreItem data/aaaa -Value '0123456789'
        Set-BorgStoreItem data/bbbb -Value 'abcdefghij'
    }
    AfterEach { Close-AllStore }

    It 'makes an item out of piped parts, named by its content' {
        $item = [pscustomobject]@{ Name = 'data/aaaa'; Offset = 8; Length = 2 }, [pscustomobject]@{ Name = 'data/bbbb'; Offset = 0; Length = 3 } |
            Invoke-BorgStoreDefrag
        Get-BorgStoreItemContent $item.Name -AsString | Should -Be '89abc'
        ($item | Test-BorgStoreItem -Integrity).Valid | Should -BeTrue
        @(Get-BorgStoreItem).Count | Should -Be 3
    }

    It 'takes items, names and hashtables whole or in parts, and a name for the new item' {
        (Get-BorgStoreItem | Invoke-BorgStoreDefrag -Target data/cccc).Size | Should -Be 20
        (Invoke-BorgStoreDefrag data/aaaa, @{ Name = 'data/bbbb'; Offset = 9 } -Target data/dddd).Size | Should -Be 11
        Get-BorgStoreItemContent data/dddd -AsString | Should -Be '0123456789j'
        'data/aaaa' | Invoke-BorgStoreDefrag -Target data/eeee | ForEach-Object Size | Should -Be 10 -Because 'the Length of a piped string is none of a value'
    }

    It 'removes the sources afterwards, if asked to' {
        $item = Get-BorgStoreItem | Invoke-BorgStoreDefrag -RemoveSource -Algorithm blake3
        (Get-BorgStoreItem).Name | Should -Be $item.Name
    }

    It 'removes nothing where the new item failed' {
        Get-ErrorId { [pscustomobject]@{ Name = 'data/aaaa'; Offset = 8; Length = 5 } | Invoke-BorgStoreDefrag -RemoveSource } | Should -Be 'ReadRange'
        Get-ErrorId { 'data/none' | Invoke-BorgStoreDefrag -RemoveSource } | Should -Be 'ObjectNotFound'
        Get-ErrorId { 1 | Invoke-BorgStoreDefrag } | Should -Be 'InputObjectNotBound'
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'refuses sources of two stores' {
        $other = New-TestStore
        Set-BorgStoreItem data/cccc -Value x -Store $other
        Get-ErrorText { (Get-BorgStoreItem -Store $store), (Get-BorgStoreItem -Store $other) | ForEach-Object { $_ } | Invoke-BorgStoreDefrag } | Should -BeLike '*two stores*Copy-BorgStoreItem*'
    }
}
