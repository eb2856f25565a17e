# Stores given by their folder.
BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'A store in a folder' {
    BeforeAll { Push-Location $TestDrive }
    AfterEach { Close-AllStore }
    AfterAll { Pop-Location }

    It 'can be created, opened, tested and destroyed by a relative path: <_>' -ForEach 'store', './my store', 'sub/a#b%20c', './with[1]' {
        $store = New-BorgStore -Path $_ -Namespace @{ config = 0 }
        Set-BorgStoreItem config/x -Value x
        $store.Uri | Should -Be ([uri]::new((Join-Path $TestDrive $_))).AbsoluteUri
        $store | Close-BorgStore
        (Open-BorgStore -Path $_).Uri | Should -Be $store.Uri
        (Get-BorgStoreItem).Name | Should -Be config/x
        Close-AllStore
        Test-BorgStore -Path "$_/" -Quiet | Should -BeTrue
        Remove-BorgStore -Path $_ -Force
        Test-Path -LiteralPath $_ | Should -BeFalse
        Test-BorgStore -Path $_ -Quiet | Should -BeFalse
    }

    It 'can be piped as a folder' {
        'one', 'two' | ForEach-Object { New-Item -ItemType Directory $_ } | New-BorgStore -Namespace @{ config = 0 } | Close-BorgStore
        $folders = Get-Item one, two
        $open = $folders | Open-BorgStore -Namespace @{ config = 0 }
        $open.Count | Should -Be 2
        ($folders | Test-BorgStore).Exists | Should -Be $true, $true
        [IO.DirectoryInfo]::new("$TestDrive/one") | Test-BorgStore -Quiet | Should -BeTrue
        $open | Close-BorgStore
        $folders | Remove-BorgStore -Force
        $folders | Should -Not -Exist
    }

    It 'cannot be given as a file, an item, a string or a path outside the file system' {
        Set-Content file x
        Get-ErrorId { Get-Item file | Remove-BorgStore -Force } | Should -Be 'InvalidArgument'
        Get-ErrorText { Open-BorgStore -Path file } | Should -BeLike '*is a file*folder*'
        Get-ErrorText { Open-BorgStore -Path Env:PATH } | Should -BeLike '*file system*'
        $store = New-TestStore 1
        Get-ErrorId { Get-BorgStoreItem | Remove-BorgStore -Force } | Should -Not -BeNullOrEmpty
        Get-ErrorId { "$TestDrive" | Remove-BorgStore -Force } | Should -Not -BeNullOrEmpty
        Test-BorgStore $store.Uri -Quiet | Should -BeTrue
        'file' | Should -Exist
    }

    It 'is named by its URL in the error for a path: <_>' -ForEach @(
        'Open-BorgStore ./s', 'New-BorgStore ./s -Namespace @{ a = 0 }', 'Test-BorgStore ./s', 'Remove-BorgStore ./s -Force', 'Get-BorgStoreItem -Store ./s', 'Measure-BorgStore -Store ./s'
        'Open-BorgStore file:///tmp -CacheUri ./s', 'Get-BorgStore ./s', 'Close-BorgStore ./s'
    ) {
        Get-ErrorText ([scriptblock]::Create($_)) | Should -BeLike "*$([uri]::new("$TestDrive/s").AbsoluteUri)*"
    }

    It 'is offered by completion, but files are not' {
        $null = New-Item -ItemType Directory shop, shore
        Set-Content shot x
        foreach ($command in 'Open-BorgStore', 'New-BorgStore', 'Test-BorgStore', 'Remove-BorgStore') {
            $line = "$command -Path ./sho"
            ((TabExpansion2 $line $line.Length).CompletionMatches.ListItemText -join ' ') | Should -Be 'shop shore'
        }
    }
}

Describe 'Open-BorgStore -Create' {
    AfterEach { Close-AllStore }

    It 'creates a store the first time and opens it afterwards' {
        $uri = New-TestUri
        Open-BorgStore $uri -Create -Namespace @{ config = 0; data = 2 } -WhatIf
        Test-Path ([uri] $uri).LocalPath | Should -BeFalse
        Open-BorgStore $uri -Create -Namespace @{ config = 0; data = 2 } | Close-BorgStore
        $store = Open-BorgStore $uri -Create -Namespace @{ config = 0; data = 2 }
        Set-BorgStoreItem data/0123 -Value x
        $store | Close-BorgStore
        $null = Open-BorgStore $uri -Create -Namespace @{ config = 0; data = 2 }
        (Get-BorgStoreItem).Name | Should -Be data/0123
    }

    It 'requires namespaces to create a store' {
        Get-ErrorId { Open-BorgStore (New-TestUri) -Create } | Should -Be 'LayoutUnknown'
        Get-ErrorId { Open-BorgStore (New-TestUri) } | Should -Be 'StoreDoesNotExist'
    }
}

Describe 'The path of a file' {
    BeforeAll {
        Push-Location $TestDrive
        $store = New-TestStore
        Set-Content -LiteralPath 'f[1].txt' brackets -NoNewline
    }
    AfterAll { Pop-Location; Close-AllStore }

    It 'causes a warning if it is a pattern without a match: <Command>' -ForEach @(
        @{ Command = { Set-BorgStoreItem config/f -Path 'f[1].txt' @warn }; Says = "No file matches the pattern 'f``[1``].txt', so nothing was stored; to store the file with exactly that name, use -LiteralPath." }
        @{ Command = { 'f[1].txt' | Set-BorgStoreItem -Namespace config @warn }; Says = '*use -LiteralPath.' }
        @{ Command = { Set-BorgStoreItem -Namespace config -Path 'none*.txt' @warn }; Says = "No file matches the pattern 'none``*.txt', so nothing was stored. *-LiteralPath." }
    ) {
        $warn = @{ WarningVariable = 'warnings'; WarningAction = 'SilentlyContinue' }
        . $Command
        $warnings | Should -HaveCount 1
        $warnings | Should -BeLike $Says
        Get-BorgStoreItem | Should -BeNullOrEmpty
    }

    It 'causes a warning if it is a pattern that matches another file' {
        Set-Content f1.txt other -NoNewline
        Set-BorgStoreItem config/f -Path 'f[1].txt' -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeLike "'f``[1``].txt' is a pattern that matches other files; *use -LiteralPath."
        Get-BorgStoreItemContent config/f -AsString | Should -Be other
        Set-BorgStoreItem config/f -LiteralPath 'f[1].txt' -WarningVariable warnings
        Set-BorgStoreItem config/g -Path 'f?.txt' -WarningVariable +warnings
        $warnings | Should -BeNullOrEmpty
        Get-BorgStoreItemContent config/f -AsString | Should -Be brackets
    }
}
