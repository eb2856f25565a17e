# Script blocks that compute an argument from each piped object.
BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    1..3 | ForEach-Object { Set-Content "$TestDrive/f$_.bin" "value $_" -NoNewline }
}

Describe 'A script block' {
    BeforeEach { $store = New-TestStore }
    AfterEach { Close-AllStore }

    It 'can name the item for each file' {
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Name { "config/$($_.BaseName)" }
        (Get-BorgStoreItem).Name | Should -Be config/f1, config/f2, config/f3
        Get-BorgStoreItemContent config/f1, config/f3 -AsString | Should -Be 'value 1', 'value 3'
    }

    It 'can name the item for each object with a value, text or bytes' {
        [pscustomobject]@{ Id = 'a'; Value = 'x' }, [pscustomobject]@{ Id = 'b'; Value = 'y' } | Set-BorgStoreItem -Name { "config/$($_.Id)" }
        'one', 'two' | Set-BorgStoreItem -Name { "config/$_" }
        , [byte[]] (1, 2) | Set-BorgStoreItem -Name { "config/bytes$($_.Count)" }
        (Get-BorgStoreItem).Name | Should -Be config/a, config/b, config/bytes2, config/one, config/two
        Get-BorgStoreItemContent config/a, config/b, config/one, config/two -AsString | Should -Be x, y, one, two
    }

    It 'can choose the store for each record' {
        $other = New-TestStore
        'n1', 'n2' | Set-BorgStoreItem -Name { "config/$_" } -Store { $_ -eq 'n1' ? $store : $other }
        (Get-BorgStoreItem -Store $store).Name | Should -Be config/n1
        (Get-BorgStoreItem -Store $other).Name | Should -Be config/n2
        'config/n1', 'config/n2' | Get-BorgStoreItemContent -AsString -Store { $_ -like '*1' ? $store.Uri : $other.Uri } | Should -Be n1, n2
        $other | Close-BorgStore
        Get-ErrorId { 'config/n1' | Get-BorgStoreItemContent -Store { $null } } | Should -Be 'InvalidArgument'
    }

    It 'can name the items for <Command>' -ForEach @(
        @{ Command = { $input | Get-BorgStoreItem -Name { "config/$($_.BaseName)" } | ForEach-Object Name } }
        @{ Command = { $input | Get-BorgStoreItem -LiteralName { "config/$($_.BaseName)" } | ForEach-Object Name } }
        @{ Command = { $input | Get-BorgStoreItemHash -Name { "config/$($_.BaseName)" } | ForEach-Object Name } }
        @{ Command = { $input | Get-BorgStoreItemContent -Name { "config/$($_.BaseName)" } -AsObject | ForEach-Object Name } }
        @{ Command = { $input | Copy-BorgStoreItem -Name { "config/$($_.BaseName)" } -Destination { "data/$($_.BaseName)00" } -PassThru | ForEach-Object { $_.Name -replace '^data/(.*)00$', 'config/$1' } } }
        @{ Command = { $input | Move-BorgStoreItem -Name { "config/$($_.BaseName)" } -Destination { "data/$($_.BaseName)01" } -PassThru | ForEach-Object { $_.Name -replace '^data/(.*)01$', 'config/$1' } } }
        @{ Command = { $input | Remove-BorgStoreItem -Name { "config/$($_.BaseName)" } -Soft -PassThru | ForEach-Object Name } }
        @{ Command = { $input | Export-BorgStoreItem -Name { "config/$($_.BaseName)" } -Path $TestDrive/out -Force | ForEach-Object { 'config/' + $_.Name } } }
    ) {
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Name { "config/$($_.BaseName)" }
        Get-ChildItem $TestDrive/*.bin | & $Command | Sort-Object | Should -Be config/f1, config/f2, config/f3
    }

    It 'can name the file for each value' {
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Name { "config/$($_.BaseName)" }
        $files = Get-BorgStoreItem config/f* | Get-BorgStoreItemContent -Destination { "$TestDrive/copies/$($_.Key).txt" }
        $files.Name | Should -Be f1.txt, f2.txt, f3.txt
        Get-Content $TestDrive/copies/*.txt | Should -Be 'value 1', 'value 2', 'value 3'
        Get-ErrorId { Get-BorgStoreItem config/f* | Get-BorgStoreItemContent -Destination { "$TestDrive/copies/one" } -Force } |
            Should -Be 'InvalidArgument', 'InvalidArgument' -Because 'the first value would be lost'
    }

    It 'can name the folder for each exported value' {
        Get-ChildItem $TestDrive/*.bin | Set-BorgStoreItem -Name { "config/$($_.BaseName)" }
        $files = Get-BorgStoreItem config/f* | Export-BorgStoreItem -Path { "$TestDrive/by/$($_.Key)" }
        $files.FullName | Sort-Object | Should -Be @(1..3 | ForEach-Object { Join-Path $TestDrive by "f$_" config "f$_" })
        'config/f1' | Export-BorgStoreItem -Path { "$TestDrive/by/text" } | ForEach-Object Name | Should -Be f1
        Get-ErrorId { Get-BorgStoreItem config/f1 | Export-BorgStoreItem -Path { "$TestDrive/f1.bin" } } | Should -Be 'InvalidArgument'
    }
}
