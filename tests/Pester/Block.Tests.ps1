BeforeDiscovery {
    $places = 'file', 'http'
}

BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    $root = New-TestUri
    $server = Start-BorgStoreServer $root -Port 0
    function Block([string] $Name, $Offset, $Length) {
        [pscustomobject]@{ Name = $Name; Offset = $Offset; Length = $Length }
    }
}

AfterAll {
    Close-AllStore
    Stop-BorgStoreServer
}

Describe 'Piped blocks of a <_> store' -ForEach $places {
    BeforeAll {
        $store = New-BorgStore ($_ -eq 'file' ? (New-TestUri) : $server.Uri) -Namespace @{ config = 0; data = 0, 2 } -Default
        Set-BorgStoreItem config/a -Value 'abcdefghij'
        Set-BorgStoreItem config/b -Value '0123456789'
        Set-BorgStoreItem data/deep -Value 'DEEP'
    }
    AfterAll { $store | Close-BorgStore }

    It 'return the bytes of each block in input order' {
        $values = (Block config/b 2 3), (Block config/a 0 1), (Block data/deep 1 2), (Block config/a 10 0) | Get-BorgStoreItemContent
        $values.Count | Should -Be 4
        $values | ForEach-Object { , $_ | Should -BeOfType [byte[]]; [Text.Encoding]::ASCII.GetString($_) } | Should -Be '234', 'a', 'EE', ''
    }

    It 'can be objects, hashtables, CSV rows, blocks, items or names' {
        $blocks = @(
            @{ Name = 'config/a'; Offset = 8 }
            @{ Name = 'config/a'; Length = 2 }
            [pscustomobject]@{ Name = 'config/a'; Length = '2' }
            [BorgStore.PowerShell.Output.BorgStoreBlock]::new('config/b', -2, 1)
            [BorgStore.Backends.Block]::new('config/b', 1, 1)
            (Block config/a 7 1 | ConvertTo-Csv | ConvertFrom-Csv)
            ([BorgStore.PowerShell.Output.BorgStoreBlock]::new('config/b', 9, $null) | ConvertTo-Csv | ConvertFrom-Csv)
            'data/deep'
            (Get-BorgStoreItem data/deep)
        )
        $blocks | Get-BorgStoreItemContent -AsString | Should -Be 'ij', 'ab', 'ab', '8', '1', 'h', '9', 'DEEP', 'DEEP'
        $blocks | Get-BorgStoreItemContent -AsString -Join | Should -Be 'ijabab81h9DEEPDEEP'
        Get-BorgStoreItemContent -Name $blocks[0], 'data/deep' -AsString | Should -Be 'ij', 'DEEP'
        Get-BorgStoreItemContent ([Collections.Generic.List[object]] ('config/a', (Block config/b 0 1))) -AsString -Join | Should -Be 'abcdefghij0'
    }

    It 'can be joined as bytes, text, a stream or a file' {
        $blocks = (Block config/b 2 3), (Block data/deep 0 2), (Block config/a -1 1)
        $bytes = $blocks | Get-BorgStoreItemContent -Join
        , $bytes | Should -BeOfType [byte[]]
        [Text.Encoding]::ASCII.GetString($bytes) | Should -Be '234DEj'
        $blocks | Get-BorgStoreItemContent -Join -AsString | Should -Be '234DEj'
        $stream = $blocks | Get-BorgStoreItemContent -Join -AsStream
        $stream.Length | Should -Be 6
        [IO.StreamReader]::new($stream).ReadToEnd() | Should -Be '234DEj'
        $file = $blocks | Get-BorgStoreItemContent -Join -Destination $TestDrive/$_.bin
        $file | Should -BeOfType [IO.FileInfo]
        Get-Content $file | Should -Be '234DEj'
        $blocks[0] | Get-BorgStoreItemContent -AsStream | ForEach-Object { [IO.StreamReader]::new($_).ReadToEnd() } | Should -Be '234'
        Get-Content ($blocks[0, 2] | Get-BorgStoreItemContent -Destination "$TestDrive/$_/") | Should -Be '234', 'j'
        @() | Get-BorgStoreItemContent -Join | Should -BeNullOrEmpty
    }

    It 'give one error for each block outside its value, and the others are still returned' {
        $blocks = (Block config/a 0 2), (Block config/a 8 5), (Block config/none 0 1), (Block config/b 0 2), (Block config/a 3 -1), (Block config/b 4 1)
        foreach ($throttle in 1, 8) {
            $blocks | Get-BorgStoreItemContent -AsString -ThrottleLimit $throttle -ErrorVariable failed -ErrorAction SilentlyContinue | Should -Be 'ab', '01', '4'
            $failed.TargetObject | Sort-Object | Should -Be 'config/a', 'config/a', 'config/none'
            $failed.ForEach({ ($_.FullyQualifiedErrorId -split ',')[0] }) | Sort-Object | Should -Be 'InvalidArgument', 'ObjectNotFound', 'ReadRange'
        }
        Get-ErrorText { Block config/a 8 5 | Get-BorgStoreItemContent } | Should -BeLike "*'config/a'*10 bytes*5 bytes from offset 8*"
        Get-ErrorId { Block config/a 8 5 | Get-BorgStoreItemContent -AsStream } | Should -Be 'ReadRange'
        Get-ErrorId { Block config/a 8 5 | Get-BorgStoreItemContent -Destination $TestDrive/short } | Should -Be 'ReadRange'
        Test-Path $TestDrive/short | Should -BeFalse
    }

    It 'return nothing joined if one of them is outside its value' {
        foreach ($bad in (Block config/a 8 5), (Block config/none 0 1), @{ Name = 'config/none' }, (Block config/a 3 -1), (Block config/A 0 1)) {
            foreach ($way in @{}, @{ AsString = $true }, @{ AsStream = $true }, @{ Destination = "$TestDrive/partial" }) {
                $output = (Block config/b 0 10), $bad, (Block config/b 0 1) | Get-BorgStoreItemContent -Join @way -ErrorVariable failed -ErrorAction SilentlyContinue
                $output | Should -BeNullOrEmpty
                $failed[-1].TargetObject | Should -Be $bad.Name
            }
        }
        @(Get-ChildItem $TestDrive -Force -File -Filter '*partial*').Count | Should -Be 0
        @(Get-ChildItem $TestDrive -Force -File -Filter '*.tmp').Count | Should -Be 0
        Get-ErrorId { 'config/a', (Block config/a 8 5) | Get-BorgStoreItemContent -Join } | Should -Be 'ReadRange'
    }

    It 'are overridden by -Offset and -Length' {
        (Block config/a 1 1), (Block config/b 2 1) | Get-BorgStoreItemContent -Offset 4 -AsString | Should -Be 'e', '4'
        (Block config/a 8 1), (Block config/b 2 1) | Get-BorgStoreItemContent -Length 5 -AsString | Should -Be 'ij', '23456'
        'config/a', 'config/b' | Get-BorgStoreItemContent -Join -Offset 8 -AsString | Should -Be 'ij89'
        Get-ErrorId { 'config/a', 'config/b' | Get-BorgStoreItemContent -Join -Length 11 } | Should -Be 'ReadRange'
    }

    It 'are read with few requests' {
        $slow = Open-BorgStore $store.Uri -Namespace @{ config = 0; data = 0, 2 } -Latency 00:00:00.05
        $blocks = foreach ($i in 1..400) { Block config/a ($i % 10) 1 }
        ($blocks | Get-BorgStoreItemContent -AsString -Store $slow) -join '' | Should -Be ('bcdefghija' * 40)
        $calls = (Get-BorgStoreStatistic -Store $slow).Operations | Where-Object Operation -eq Gather
        $calls.Calls | Should -BeLessThan 200
        Get-BorgStoreStatistic -Store $slow -Reset | Out-Null
        $blocks | Get-BorgStoreItemContent -AsString -Store $slow -Join | Should -Be ('bcdefghija' * 40)
        ((Get-BorgStoreStatistic -Store $slow).Operations | Where-Object Operation -eq Gather).Calls | Should -Be 1
        $slow | Close-BorgStore
    }

    It 'are returned as soon as they are read, in order with whole values' {
        $seen = [Collections.Generic.List[string]]::new()
        & { foreach ($i in 0..3) { Block config/a $i 1; Start-Sleep -Milliseconds 300; $seen.Add("sent $i") } } |
            Get-BorgStoreItemContent -AsString | ForEach-Object { $seen.Add($_) }
        $seen.IndexOf('a') | Should -BeLessThan $seen.IndexOf('sent 3')
        1..60 | ForEach-Object { Block config/a ($_ % 10) 1; if ($_ % 7 -eq 0) { 'data/deep' } } | Get-BorgStoreItemContent -AsString |
            Should -Be (1..60 | ForEach-Object { 'abcdefghij'.Substring($_ % 10, 1); if ($_ % 7 -eq 0) { 'DEEP' } })
    }

    It 'can be read from soft-deleted items' {
        Set-BorgStoreItem config/old -Value 'old value'
        Remove-BorgStoreItem config/old -Soft
        Get-ErrorId { Block config/old 0 3 | Get-BorgStoreItemContent } | Should -Be 'ObjectNotFound'
        Block config/old 0 3 | Get-BorgStoreItemContent -Deleted -AsString | Should -Be 'old'
        [pscustomobject]@{ Name = 'config/old'; Offset = 4; Length = 5; IsDeleted = $true }, (Block config/a 0 1) | Get-BorgStoreItemContent -AsString -Join | Should -Be 'valuea'
        Remove-BorgStoreItem config/old -Deleted
    }
}

Describe 'Joined blocks' {
    AfterEach { Close-AllStore }

    It 'may exceed one request and come from several stores' {
        $store = New-TestStore
        $other = New-TestStore
        Set-BorgStoreItem config/a -Value 'ab' -Store $store
        Set-BorgStoreItem config/a -Value 'XY' -Store $other
        $block = @{ Name = 'config/a'; Offset = 1; Length = 1 }
        $many = [BorgStore.PowerShell.Output.BorgStoreBlock]::new('config/a', 1, 1)
        $text = & { for ($i = 0; $i -lt 100001; $i++) { $many } } | Get-BorgStoreItemContent -Join -AsString -Store $store
        $text | Should -Be ('b' * 100001)
        ((Get-BorgStoreStatistic -Store $store).Operations | Where-Object Operation -eq Gather).Calls | Should -Be 2
        $blocks = $store, $other, $store | ForEach-Object { [pscustomobject]@{ Name = 'config/a'; Offset = 1; Length = 1; Store = $_ } }
        $blocks | Get-BorgStoreItemContent -Join -AsString | Should -Be 'bYb'
        $uris = $blocks | ForEach-Object { $_.Store = $_.Store.Uri; $_ }
        Close-AllStore
        $stream = $uris | Get-BorgStoreItemContent -Join -AsStream
        [IO.StreamReader]::new($stream).ReadToEnd() | Should -Be 'bYb'
    }

    It 'return nothing if the store of one of them cannot be used' {
        $store = New-TestStore 1
        $good = [pscustomobject]@{ Name = 'config/k0001'; Offset = 0; Length = 5; Store = $store }
        $bad = [pscustomobject]@{ Name = 'config/k0001'; Offset = 0; Length = 5; Store = 'file:///C:/no/such/store' }
        $good, $bad | Get-BorgStoreItemContent -Join -ErrorVariable failed -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        ($failed[0].FullyQualifiedErrorId -split ',')[0] | Should -Be 'StoreDoesNotExist'
    }

    It 'can be written to a file but not to a folder' {
        $store = New-TestStore 2
        Get-ErrorText { Get-BorgStoreItem | Get-BorgStoreItemContent -Join -Destination $TestDrive } | Should -BeLike '*is a folder*path of a file*'
        Get-BorgStoreItem | Get-BorgStoreItemContent -Join -Destination $TestDrive/whole | Get-Content | Should -Be 'value 1value 2'
        Get-ErrorId { Get-BorgStoreItem | Get-BorgStoreItemContent -Join -Destination $TestDrive/whole } | Should -Be 'ObjectAlreadyExists'
    }

    It 'are written in constant memory' {
        $store = New-TestStore
        $bytes = [byte[]]::new(64MB)
        [Random]::new(1).NextBytes($bytes)
        Set-BorgStoreItem config/large -Value $bytes
        $blocks = foreach ($i in 0..15) { [BorgStore.PowerShell.Output.BorgStoreBlock]::new('config/large', ($i % 4) * 16MB, 16MB) }
        $before = [GC]::GetTotalAllocatedBytes()
        $file = $blocks | Get-BorgStoreItemContent -Join -Destination $TestDrive/large
        [GC]::GetTotalAllocatedBytes() - $before | Should -BeLessThan 128MB
        $file.Length | Should -Be 256MB
        $whole = [Security.Cryptography.IncrementalHash]::CreateHash('SHA256')
        1..4 | ForEach-Object { $whole.AppendData($bytes) }
        (Get-FileHash $file).Hash | Should -Be ([Convert]::ToHexString($whole.GetHashAndReset()))
        Remove-Item $file
    }
}

Describe 'The Length property of a piped object' {
    BeforeAll { $store = New-TestStore 1 }
    AfterAll { Close-AllStore }

    It 'is not taken for the length of a block: <Name>' -ForEach @(
        @{ Name = 'a string'; Thing = { 'config/k0001' } }
        @{ Name = 'a string with properties'; Thing = { 'config/k0001' | Add-Member Note x -PassThru } }
        @{ Name = 'a file'; Thing = { $null = New-Item $TestDrive/config -ItemType Directory -Force; Set-Content $TestDrive/k -Value ''; Get-Item $TestDrive/k | Add-Member Name config/k0001 -Force -PassThru } }
        @{ Name = 'a selection of a file'; Thing = { Set-Content $TestDrive/k -Value ''; Get-Item $TestDrive/k | Select-Object @{ n = 'Name'; e = { 'config/k0001' } }, Length } }
    ) {
        & $Thing | Get-BorgStoreItemContent -AsString | Should -Be 'value 1'
        & $Thing | Get-BorgStoreItemContent -AsString -Join | Should -Be 'value 1'
    }
}
