BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Set-BorgStoreItem with -Value' {
    BeforeAll { $store = New-TestStore }
    AfterAll { Close-AllStore }

    It 'stores bytes, a string and a stream' {
        Set-BorgStoreItem config/bytes -Value ([byte[]] (1, 2, 3))
        Set-BorgStoreItem config/text -Value 'grün'
        $stream = [IO.MemoryStream]::new([byte[]] (9, 8, 7))
        $stream.Position = 1
        Set-BorgStoreItem config/stream -Value $stream
        (Get-BorgStoreItemContent config/bytes) | Should -Be 1, 2, 3
        (Get-BorgStoreItemContent config/text) | Should -Be ([Text.Encoding]::UTF8.GetBytes('grün'))
        (Get-BorgStoreItemContent config/stream) | Should -Be 8, 7
    }

    It 'stores an empty value' {
        Set-BorgStoreItem config/empty -Value ''
        Set-BorgStoreItem config/empty2 -Value ([byte[]]::new(0))
        (Get-BorgStoreItem config/empty*).Size | Should -Be 0, 0
        (Get-BorgStoreItemContent config/empty).Length | Should -Be 0
        Get-BorgStoreItemContent config/empty -AsString | Should -BeExactly ''
    }

    It 'rejects <Type> with advice' -ForEach @(
        @{ Type = 'a number'; Value = 42; Hint = '*Convert it to a string*' }
        @{ Type = 'lines'; Value = 'a', 'b'; Hint = '*-Raw*-Path*-join*' }
        @{ Type = 'numbers'; Value = 1, 2; Hint = '*byte*' }
        @{ Type = 'loose bytes'; Value = @([byte] 1, [byte] 2); Hint = '*`[byte`[`]`]*' }
        @{ Type = 'an object'; Value = [pscustomobject]@{ A = 1 }; Hint = '*ConvertTo-Json*' }
        @{ Type = 'a file'; Value = Get-Item $PSCommandPath; Hint = '*-Path*' }
    ) {
        Get-ErrorId { Set-BorgStoreItem config/bad -Value $Value } | Should -Be 'InvalidArgument'
        Get-ErrorText { Set-BorgStoreItem config/bad -Value $Value } | Should -BeLike $Hint
        Test-BorgStoreItem config/bad | Should -BeFalse
    }

    It 'overwrites unless -NoClobber is given' {
        Set-BorgStoreItem config/over -Value one
        Set-BorgStoreItem config/over -Value two
        Get-ErrorId { Set-BorgStoreItem config/over -Value three -NoClobber } | Should -Be 'ObjectAlreadyExists'
        Get-BorgStoreItemContent config/over -AsString | Should -Be 'two'
    }

    It 'encodes and decodes text with -Encoding' {
        foreach ($encoding in 'utf8', 'utf8BOM', 'unicode', 'utf32', 'ascii', 1252) {
            Set-BorgStoreItem config/encoded -Value 'text' -Encoding $encoding
            Get-BorgStoreItemContent config/encoded -AsString -Encoding $encoding | Should -BeExactly 'text'
        }
        Set-BorgStoreItem config/encoded -Value 'é' -Encoding 1252
        (Get-BorgStoreItemContent config/encoded) | Should -Be 0xe9
        Get-ErrorText { Set-BorgStoreItem config/encoded -Value x -Encoding klingon } | Should -BeLike '*no such encoding*utf8*'
    }

    It 'returns the item only with -PassThru' {
        Set-BorgStoreItem config/pass -Value abc | Should -BeNullOrEmpty
        (Set-BorgStoreItem config/pass -Value abc -PassThru).Size | Should -Be 3
    }

    It 'concatenates bytes and lines piped one by one' {
        [byte[]] (1, 2, 3) | Set-BorgStoreItem config/gathered
        (Get-BorgStoreItemContent config/gathered) | Should -Be 1, 2, 3
        'one', 'two' | Set-BorgStoreItem config/gathered
        Get-BorgStoreItemContent config/gathered -AsString | Should -BeExactly "one`ntwo"
        'only' | Set-BorgStoreItem config/gathered
        Get-BorgStoreItemContent config/gathered -AsString | Should -BeExactly 'only'
        , [byte[]] (4, 5) | Set-BorgStoreItem config/gathered
        (Get-BorgStoreItemContent config/gathered) | Should -Be 4, 5
    }

    It 'rejects a second whole value for one name' {
        Get-ErrorId { [byte[]] (1, 2), [byte[]] (3, 4) | Set-BorgStoreItem config/second } | Should -Be 'InvalidArgument'
        Get-ErrorId { 'line', [byte[]] (3, 4) | Set-BorgStoreItem config/second } | Should -Be 'InvalidArgument'
        Get-ErrorText { [byte[]] (1, 2), 'line' | Set-BorgStoreItem config/second } | Should -BeLike '*Name and Value*'
        Get-ErrorId { Get-Item $PSCommandPath, $PSScriptRoot/TestStore.ps1 | Set-BorgStoreItem config/second } | Should -Be 'InvalidArgument'
    }

    It 'warns if nothing was piped' {
        @() | Set-BorgStoreItem config/nothing -WarningVariable warning -WarningAction SilentlyContinue
        "$warning" | Should -BeLike 'Nothing was piped*'
        Test-BorgStoreItem config/nothing | Should -BeFalse
    }

    It 'accepts objects with Name and Value' {
        [pscustomobject]@{ Name = 'config/n1'; Value = 'text' }, [pscustomobject]@{ Name = 'config/n2'; Value = [byte[]] (1, 2) }, [pscustomobject]@{ Name = 'config/n3'; Value = 3 } |
            Set-BorgStoreItem -ErrorAction SilentlyContinue -ErrorVariable failure
        Get-BorgStoreItemContent config/n1 -AsString | Should -Be 'text'
        (Get-BorgStoreItemContent config/n2) | Should -Be 1, 2
        $failure.Count | Should -Be 1
        $failure[0].TargetObject | Should -Be 'config/n3'
    }

    It 'explains an invalid name' {
        Get-ErrorText { Set-BorgStoreItem config/Main -Value x } | Should -BeLike "*upper-case letter 'M'*lower case*"
        Get-ErrorText { Set-BorgStoreItem main -Value x } | Should -BeLike "*no namespace*config, data*"
        Get-ErrorText { Set-BorgStoreItem nothing/main -Value x } | Should -BeLike "*no namespace 'nothing'*config, data*"
        Get-ErrorText { Set-BorgStoreItem data/abc -Value x } | Should -BeLike '*2 levels deep*at least 4 characters*'
    }
}

Describe 'Set-BorgStoreItem with files' {
    BeforeAll {
        $store = New-TestStore
        $folder = New-Item -ItemType Directory "$TestDrive/files[x]"
        'a', 'b', 'c' | ForEach-Object { Set-Content -LiteralPath "$folder/$_.txt" -Value "file $_" -NoNewline }
        $null = New-Item -ItemType Directory "$TestDrive/files[x]/sub"
    }
    AfterAll { Close-AllStore }
    AfterEach { Get-BorgStoreItem | Remove-BorgStoreItem }

    It 'stores a file under a name' {
        Set-BorgStoreItem config/file -LiteralPath "$folder/a.txt"
        Set-BorgStoreItem config/file2 -Path $PSCommandPath
        Get-Item -LiteralPath "$folder/b.txt" | Set-BorgStoreItem config/file3
        Get-BorgStoreItemContent config/file -AsString | Should -Be 'file a'
        Get-BorgStoreItemContent config/file3 -AsString | Should -Be 'file b'
        (Get-BorgStoreItem config/file2).Size | Should -Be (Get-Item $PSCommandPath).Length
    }

    It 'stores files in a namespace under their own names' {
        Get-ChildItem -LiteralPath $folder -File | Set-BorgStoreItem -Namespace config
        (Get-BorgStoreItem).Name | Should -Be 'config/a.txt', 'config/b.txt', 'config/c.txt'
        Get-BorgStoreItemContent config/b.txt -AsString | Should -Be 'file b'
    }

    It 'accepts wildcard paths, literal paths and FileInfo objects' {
        Push-Location -LiteralPath $folder
        try {
            Set-BorgStoreItem -Path *.txt -Namespace config
            @(Get-BorgStoreItem).Count | Should -Be 3
            Get-Item a.txt | Set-BorgStoreItem -Namespace data -ContentHash SHA256
            [IO.FileInfo]::new("$folder/b.txt") | Set-BorgStoreItem -Namespace data -ContentHash SHA256
            @(Get-BorgStoreItem data/*).Count | Should -Be 2
        }
        finally {
            Pop-Location
        }
    }

    It 'names files by their hash with -ContentHash' {
        $items = Get-ChildItem -LiteralPath $folder -File | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru
        $items.Count | Should -Be 3
        $expected = (Get-FileHash -LiteralPath "$folder/a.txt").Hash.ToLowerInvariant()
        $items.Name | Should -Contain "data/$expected"
        ($items | Test-BorgStoreItem -Integrity).Valid | Should -Be $true, $true, $true
    }

    It 'names large files by their hash with -ContentHash' {
        $bytes = [byte[]]::new(5MB)
        [Random]::new(1).NextBytes($bytes)
        [IO.File]::WriteAllBytes("$TestDrive/large.bin", $bytes)
        $item = Get-Item $TestDrive/large.bin | Set-BorgStoreItem -Namespace data -ContentHash BLAKE3 -PassThru
        $item.Size | Should -Be 5MB
        ($item | Test-BorgStoreItem -Integrity).Valid | Should -BeTrue
    }

    It 'explains a file that is missing, is a folder or has no name' {
        Get-ErrorText { Set-BorgStoreItem config/x -Path $TestDrive/none } | Should -BeLike "*none*does not exist*"
        Get-ErrorText { Set-BorgStoreItem config/x -LiteralPath $TestDrive/none } | Should -BeLike "*no file*none*nothing was stored*"
        Get-ErrorText { Set-BorgStoreItem -Namespace config -LiteralPath $folder/sub } | Should -BeLike "*folder*Get-ChildItem*"
        Get-ErrorText { Get-Item $PSCommandPath | Set-BorgStoreItem } | Should -BeLike '*-Namespace*-ContentHash*-Name*'
        Get-ErrorText { Set-BorgStoreItem config/x -LiteralPath Env:PATH } | Should -BeLike '*Environment*file system*'
        Get-ErrorText { Set-BorgStoreItem config/x -Path $PSCommandPath -ContentHash SHA256 } | Should -BeLike '*-Namespace*'
        Get-ErrorText { Get-Item $PSCommandPath | Set-BorgStoreItem -Namespace config -ContentHash crc } | Should -BeLike '*Unsupported hash algorithm*sha256*'
    }

    It 'continues after a bad file' {
        Set-Content $TestDrive/plain.txt x
        Get-ErrorId { 'none', "$TestDrive/plain.txt" | Set-BorgStoreItem -Namespace config } | Should -Be 'PathNotFound'
        @(Get-BorgStoreItem).Count | Should -Be 1
    }

    It 'names each piped value by its hash with -ContentHash' {
        $sha256 = { [Convert]::ToHexString([Security.Cryptography.SHA256]::HashData([byte[]] $args[0])).ToLowerInvariant() }
        $text = 'text' | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru
        $text.Name | Should -Be "data/$(& $sha256 ([Text.Encoding]::UTF8.GetBytes('text')))"
        Get-BorgStoreItemContent $text.Name -AsString | Should -BeExactly 'text'
        (Set-BorgStoreItem -Namespace data -ContentHash SHA256 -Value ([byte[]] (1, 2)) -PassThru).Key | Should -Be (& $sha256 (1, 2))
        ([IO.MemoryStream]::new([byte[]] (3, 4)), [byte[]] (5, 6), 'one', 'two' | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru).Count | Should -Be 4
        $large = [byte[]]::new(3MB)
        [Random]::new(2).NextBytes($large)
        $stream = [IO.MemoryStream]::new($large)
        $stream.Position = 1
        (Set-BorgStoreItem -Namespace data -ContentHash SHA256 -Value $stream -PassThru).Key | Should -Be (& $sha256 $large[1..(3MB)])
        (Get-BorgStoreItem data/* | Test-BorgStoreItem -Integrity).Valid | Should -Not -Contain $false
    }

    It 'rejects the name of a file and loose bytes with -ContentHash' {
        Push-Location -LiteralPath $folder
        try {
            Get-ErrorText { 'a.txt' | Set-BorgStoreItem -Namespace data -ContentHash SHA256 } | Should -BeLike '*name of a file*-Path*-Value*'
            Get-ErrorId { '*.txt' | Set-BorgStoreItem -Namespace data -ContentHash SHA256 } | Should -Be 'InvalidArgument'
            Get-ErrorId { [byte[]] (1, 2) | Set-BorgStoreItem -Namespace data -ContentHash SHA256 } | Should -Be 'InvalidArgument'
            Get-ErrorId { Set-BorgStoreItem -Namespace data -Value x } | Should -Be 'InvalidArgument'
            Get-ErrorId { [pscustomobject]@{ Name = 'config/y'; Value = 'x' } | Set-BorgStoreItem -Namespace data } | Should -Be 'InvalidArgument'
            Get-BorgStoreItem | Should -BeNullOrEmpty
            'a.txt' | Set-BorgStoreItem -Namespace config
            Get-BorgStoreItemContent config/a.txt -AsString | Should -Be 'file a'
        }
        finally {
            Pop-Location
        }
    }
}

Describe 'Get-BorgStoreItemContent' {
    BeforeAll { $store = New-TestStore 20 }
    AfterAll { Close-AllStore }

    It 'returns one byte array per item' {
        $values = Get-BorgStoreItem | Get-BorgStoreItemContent
        $values.Count | Should -Be 20
        , $values[0] | Should -BeOfType [byte[]]
        , (Get-BorgStoreItemContent config/k0001) | Should -BeOfType [byte[]]
    }

    It 'returns values in input order' {
        $names = Get-BorgStoreItem | ForEach-Object Name | Sort-Object { Get-Random }
        $expected = $names | ForEach-Object { "value $([int] $_.Substring(8))" }
        $names | Get-BorgStoreItemContent -AsString | Should -Be $expected
        Get-BorgStoreItemContent $names -AsString -ThrottleLimit 2 | Should -Be $expected
    }

    It 'reads ranges with -Offset and -Length' {
        Get-BorgStoreItemContent config/k0001 -Offset 2 -Length 3 -AsString | Should -Be 'lue'
        Get-BorgStoreItemContent config/k0001 -Offset 6 -AsString | Should -Be '1'
        Get-BorgStoreItemContent config/k0001 -Offset -1 -AsString | Should -Be '1'
        Get-BorgStoreItemContent config/k0001 -Offset 100 -AsString | Should -BeExactly ''
        (Get-BorgStoreItemContent config/k0001 -Length 0).Length | Should -Be 0
        'config/k0001' | Get-BorgStoreItemContent -AsString | Should -Be 'value 1' -Because 'the Length of a piped string is none of a value'
    }

    It 'returns streams with -AsStream' {
        $stream = Get-BorgStoreItemContent config/k0002 -AsStream
        $stream.Length | Should -Be 7
        [IO.StreamReader]::new($stream).ReadToEnd() | Should -Be 'value 2'
        $stream.Dispose()
    }

    It 'writes complete files and replaces existing ones only with -Force' {
        $file = Get-BorgStoreItemContent config/k0003 -Destination $TestDrive/value.bin
        $file | Should -BeOfType [IO.FileInfo]
        Get-Content $file | Should -Be 'value 3'
        Get-ErrorId { Get-BorgStoreItemContent config/k0004 -Destination $TestDrive/value.bin } | Should -Be 'ObjectAlreadyExists'
        Get-BorgStoreItemContent config/k0004 -Destination $TestDrive/value.bin -Force | Get-Content | Should -Be 'value 4'
        Get-ErrorId { Get-BorgStoreItemContent config/none -Destination $TestDrive/none.bin } | Should -Be 'ObjectNotFound'
        Test-Path $TestDrive/none.bin | Should -BeFalse
        @(Get-ChildItem $TestDrive -Force -Filter *.tmp).Count | Should -Be 0
    }

    It 'writes many values to a folder but not to one file' {
        (Get-BorgStoreItem config/k000* | Get-BorgStoreItemContent -Destination $TestDrive/folder/).Name | Should -Be (1..9 | ForEach-Object { "k000$_" })
        Get-ErrorText { Get-BorgStoreItem config/k000* | Get-BorgStoreItemContent -Destination $TestDrive/one -Force } | Should -BeLike '*Specify a folder*'
    }

    It 'reads soft-deleted values only with -Deleted' {
        Set-BorgStoreItem config/gone -Value old
        Remove-BorgStoreItem config/gone -Soft
        Get-ErrorId { Get-BorgStoreItemContent config/gone } | Should -Be 'ObjectNotFound'
        Get-BorgStoreItemContent config/gone -Deleted -AsString | Should -Be 'old'
        Remove-BorgStoreItem config/gone -Deleted
    }
}

Describe 'Export-BorgStoreItem' {
    BeforeAll { $store = New-TestStore 3 }
    AfterAll { Close-AllStore }

    It 'uses the name of an item as its path' {
        $files = Get-BorgStoreItem | Export-BorgStoreItem -Path $TestDrive/out
        $files.Count | Should -Be 3
        Get-Content $TestDrive/out/config/k0001 | Should -Be 'value 1'
        Get-ErrorId { Export-BorgStoreItem config/k0001 $TestDrive/out } | Should -Be 'ObjectAlreadyExists'
        Export-BorgStoreItem config/k0001 $TestDrive/out -Force | Should -Not -BeNullOrEmpty
    }

    It 'never writes outside the folder' {
        Get-ErrorId { Export-BorgStoreItem 'config/../../escape' $TestDrive/out } | Should -Be 'InvalidName'
        Test-Path $TestDrive/escape | Should -BeFalse
    }

    It 'escapes characters that are invalid in a file name as %hh' -Skip:$IsWindows {
        $path = ([uri] $store.Uri).LocalPath
        'a:b', 'con.txt', 'dot.', 'per%cent' | ForEach-Object { Set-Content -LiteralPath "$path/config/$_" -Value x }
        $files = Get-BorgStoreItem config/[acdp]* -WarningAction SilentlyContinue | Export-BorgStoreItem -Path $TestDrive/odd
        $files.Name | Sort-Object | Should -Be '%63on.txt', 'a%3ab', 'dot%2e', 'per%25cent'
    }
}
