BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    # Opens a new store as a drive, with a few items.
    function New-TestDrive([string] $Name = 'repo', [string] $Uri = (New-TestUri)) {
        $store = New-BorgStore $Uri -Namespace @{ config = 0; data = 2; 'cache/files' = 0 }
        'config/main', 'config/other', 'config/gone', 'data/00aa11', 'data/00bb22', 'data/ff0033', 'cache/files/x' |
            ForEach-Object { [pscustomobject]@{ Name = $_; Value = "first $_`nsecond" } } | Set-BorgStoreItem -Store $store
        Remove-BorgStoreItem config/gone -Soft -Store $store
        $store | Close-BorgStore
        New-PSDrive $Name -PSProvider BorgStore -Root $Uri -Namespace @{ config = 0; data = 2; 'cache/files' = 0 } -Scope Global
    }

    function Remove-TestDrive {
        Set-Location $PSScriptRoot
        Get-PSDrive -PSProvider BorgStore -ErrorAction Ignore | Remove-PSDrive -Force
        Close-AllStore
    }

    # Returns the calls to the storage that a command makes, after its output.
    function Measure-Call([scriptblock] $Command) {
        $store = (Get-PSDrive repo).Store
        $null = Get-BorgStoreStatistic -Store $store -Reset
        $null = & $Command
        ((Get-BorgStoreStatistic -Store $store).Operations | Where-Object BackendCalls | ForEach-Object { "$($_.Operation) $($_.BackendCalls)" }) -join ', '
    }
}

Describe 'New-PSDrive' {
    AfterEach { Remove-TestDrive }

    It 'opens a store by its URL, and Remove-PSDrive closes it' {
        $drive = New-TestDrive
        $drive.Root | Should -Be $drive.Store.Uri
        (Get-BorgStore).Uri | Should -Be $drive.Root
        Get-BorgStoreItemContent config/main -AsString | Should -BeLike 'first*'
        $store = $drive.Store
        Remove-PSDrive repo
        $store.IsOpen | Should -BeFalse
    }

    It 'opens a store by its folder, and recognises the layout' {
        $root = (New-TestDrive).Root
        Remove-PSDrive repo
        $drive = New-PSDrive repo BorgStore ([uri] $root).LocalPath -Permission read-only -Scope Global
        $drive.Root | Should -Be $root
        (Get-ChildItem repo:/).Name | Should -Be 'cache', 'config', 'data'
        Get-ErrorId { Set-Content repo:/config/main x } | Should -Be 'PermissionDenied'
    }

    It 'shares an open store, which stays open' {
        $store = New-TestStore 2
        $drive = New-PSDrive repo BorgStore $store -Scope Global
        $other = New-PSDrive other BorgStore $store.Uri -Scope Global
        @(Get-BorgStore).Count | Should -Be 1
        Remove-PSDrive repo, other
        $store.IsOpen | Should -BeTrue

        # After the store was opened again, the drive shows it again.
        $null = New-PSDrive repo BorgStore $store -Scope Global
        $store | Close-BorgStore
        Get-ErrorId { Get-Item repo:/config/k0001 } | Should -Be 'StoreNotOpen'
        $null = Open-BorgStore $store.Uri
        Get-Content repo:/config/k0001 | Should -Be 'value 1'
    }

    It 'keeps a store open until its last drive is removed' {
        $drive = New-TestDrive
        $null = New-PSDrive second BorgStore $drive.Root -Scope Global
        $store = $drive.Store
        Remove-PSDrive repo
        Get-Content second:/config/main -TotalCount 1 | Should -Be 'first config/main'
        Remove-PSDrive second
        $store.IsOpen | Should -BeFalse
    }

    It 'refuses what would be ambiguous or does not exist' {
        $drive = New-TestDrive
        Get-ErrorText { New-PSDrive two BorgStore $drive.Root -Permission read-only } | Should -BeLike "*'repo' shows this store already*"
        Get-ErrorId { New-PSDrive two BorgStore (New-TestUri) } | Should -Be 'StoreDoesNotExist'
        Get-ErrorId { New-PSDrive two BorgStore (New-TestUri) -Namespace 'config' } | Should -Be 'InvalidArgument'
    }
}

Describe 'A drive' {
    BeforeAll { $null = New-TestDrive }
    AfterAll { Remove-TestDrive }
    AfterEach { Set-Location $PSScriptRoot }

    It 'lists <Path>' -ForEach @(
        @{ Path = 'repo:/'; Names = 'cache', 'config', 'data' }
        @{ Path = 'repo:/cache'; Names = 'cache/files' }
        @{ Path = 'repo:\config\'; Names = 'config/main', 'config/other' }
        @{ Path = 'repo:/data/00*'; Names = 'data/00aa11', 'data/00bb22' }
        @{ Path = 'repo:/DATA/*[AB]*'; Names = 'data/00aa11', 'data/00bb22' }
        @{ Path = 'repo:\*\*a*'; Names = 'config/main', 'data/00aa11' }
        @{ Path = 'repo:/*/main'; Names = 'config/main' }
        @{ Path = 'repo:/*/*/?'; Names = 'cache/files/x' }
        @{ Path = 'repo:/none*'; Names = @() }
    ) {
        @(Get-ChildItem $Path | ForEach-Object Name) | Should -Be $Names
    }

    It 'takes the usual parameters of Get-ChildItem' {
        (Get-ChildItem repo:/ -Recurse).Name | Should -Be 'cache', 'config', 'data', 'cache/files', 'cache/files/x', 'config/main', 'config/other', 'data/00aa11', 'data/00bb22', 'data/ff0033'
        (Get-ChildItem repo:/ -Recurse -Depth 1).Name | Should -Not -Contain 'cache/files/x'
        (Get-ChildItem repo:/data -Filter *b*).Name | Should -Be 'data/00bb22'
        (Get-ChildItem repo:/data/* -Exclude 00*).Name | Should -Be 'data/ff0033'
        (Get-ChildItem repo:/ -Recurse -Include *a*1, x).Name | Should -Be 'cache/files/x', 'data/00aa11'
        Get-ChildItem repo:/config -Name -Force | Should -Be 'gone.del', 'main', 'other'
        (Get-ChildItem repo:/config -Force)[0].IsDeleted | Should -BeTrue
        (Get-ChildItem repo:/config/main).PSPath | Should -Match '::file:.+config.main$'
    }

    It 'has locations, relative paths and both slashes' {
        Set-Location repo:
        Set-Location config
        (Get-Location).Path | Should -Match '^repo:[/\\]config$'
        (Get-Item main).Name | Should -Be 'config/main'
        (Get-Item ../data\00aa11).Name | Should -Be 'data/00aa11'
        (Resolve-Path ../data/00*).Path | Should -Match '^repo:[/\\]data[/\\]00'
        Push-Location ..\cache/files
        (Get-ChildItem).Name | Should -Be 'cache/files/x'
        Pop-Location
        Test-Path other | Should -BeTrue
        $container = (Get-Item .).PSPath
        Set-Location repo:/
        Set-Location $container
        (Get-Item main).Name | Should -Be 'config/main'
        Get-Content -LiteralPath (Join-Path $container main) -TotalCount 1 | Should -Be 'first config/main'
        Get-ErrorId { Set-Location nowhere } | Should -Be 'PathNotFound'
    }

    It 'tests paths' {
        Test-Path repo:/config/main | Should -BeTrue
        Test-Path repo:/config/main -PathType Container | Should -BeFalse
        Test-Path repo:/cache -PathType Container | Should -BeTrue
        Test-Path repo:/config/none, repo:/none/x, repo:/config/BAD, repo:/config/gone | Should -Be $false, $false, $false, $false
        Test-Path repo:/config/gone.del | Should -BeTrue
        Test-Path repo:/data/f* | Should -BeTrue
    }

    It 'completes paths' {
        (TabExpansion2 'Get-Content repo:/co').CompletionMatches.CompletionText | Should -Match '^repo:[/\\]config$'
        (TabExpansion2 'Get-Content repo:/config/m').CompletionMatches.CompletionText | Should -Match '^repo:[/\\]config[/\\]main$'
        (TabExpansion2 'Get-BorgStoreItemContent repo:/data/00a').CompletionMatches.CompletionText | Should -Be 'repo:/data/00aa11'
    }

    It 'shows namespaces and items in tables' {
        Get-ChildItem repo:/ | Out-String | Should -Match '2\s+data/'
        Get-ChildItem repo:/config | Out-String | Should -Match '\bB\s+config/main'
    }

    It 'reads content' {
        Get-Content repo:/config/main | Should -Be 'first config/main', 'second'
        Get-Content repo:/config/main -Raw | Should -Be "first config/main`nsecond"
        Get-Content repo:/config/main -TotalCount 1 | Should -Be 'first config/main'
        Get-Content repo:/config/gone.del -TotalCount 1 | Should -Be 'first config/gone'
        (Get-Content repo:/config/main -AsByteStream -Raw).GetType().Name | Should -Be 'Byte[]'
        (Get-Content repo:/config/main -AsByteStream -ReadCount 0).Count | Should -Be 24
        (Get-Content repo:/config/* -TotalCount 1) | Should -Be 'first config/main', 'first config/other'
        Get-ErrorId { Get-Content repo:/config/none, repo:/config } | Should -Be 'ObjectNotFound', 'InvalidArgument'
        Get-ErrorText { Get-Content repo:/config/none } | Should -BeLike "*no item 'config/none'*"
    }

    It 'writes content as one value, or nothing' {
        Set-Content repo:/config/new 'one', 'two'
        Get-BorgStoreItemContent config/new -AsString | Should -Be "one`ntwo"
        Set-Content repo:/config/new ([byte[]] (0, 255)) -AsByteStream
        Get-Content repo:/config/new -AsByteStream | Set-Content repo:/config/copy -AsByteStream
        Get-Content repo:/config/copy -AsByteStream | Should -Be 0, 255
        Set-Content repo:/config/new 'ä' -Encoding unicode
        Get-Content repo:/config/new -Encoding unicode | Should -Be 'ä'
        { 1..3 | ForEach-Object { if ($_ -eq 3) { throw 'broken' }; $_ } | Set-Content repo:/config/new } | Should -Throw broken
        Get-Content repo:/config/new -Encoding unicode | Should -Be 'ä'

        Get-ErrorId { Add-Content repo:/config/new more } | Should -Be 'NotSupported'
        Get-ErrorId { Set-Content repo:/config/new text -AsByteStream } | Should -Be 'InvalidArgument'
        Get-ErrorId { Set-Content repo:/config/gone.del x } | Should -Be 'InvalidName'
        Get-ErrorId { Set-Content repo:/config/BAD x -ErrorAction Stop } | Should -Be 'InvalidName'
        Set-Content repo:/config/new x -WhatIf
        Get-Content repo:/config/new -Encoding unicode | Should -Be 'ä'
        Clear-Content repo:/config/new
        (Get-Item repo:/config/new).Size | Should -Be 0
        Get-ErrorId { Clear-Content repo:/config/none } | Should -Be 'ObjectNotFound'
        Remove-Item repo:/config/new, repo:/config/copy
    }

    It 'creates items, which Set-Item replaces' {
        (New-Item repo:/config/fresh -Value v).Name | Should -Be 'config/fresh'
        Get-ErrorId { New-Item repo:/config/fresh -Value w } | Should -Be 'ObjectAlreadyExists'
        Set-Item repo:/config/fresh -Value w
        Get-Content repo:/config/fresh | Should -Be w
        Get-ErrorId { New-Item repo:/nowhere -ItemType Directory } | Should -Be 'LayoutUnknown'
        (New-Item repo:/config/fresh -Value x -Force).Size | Should -Be 1
        Remove-Item repo:/config/fresh
    }

    It 'copies, moves and renames' {
        Copy-Item repo:/config/main repo:/cache/files
        (Copy-Item repo:/config/main repo:/config/copy -PassThru).Size | Should -Be 24
        (Rename-Item repo:/config/copy copy2 -PassThru).Name | Should -Be 'config/copy2'
        Get-ErrorId { Rename-Item repo:/config/copy2 main } | Should -Be 'ObjectAlreadyExists'
        Move-Item repo:/config/copy2 repo:\cache\files\moved
        Get-ErrorId { Move-Item repo:/cache/files/moved repo:/config/main } | Should -Be 'ObjectAlreadyExists'
        Get-ChildItem repo:/cache/files -Name | Should -Be main, moved, x
        Get-ErrorText { Copy-Item repo:/cache/files repo:/config } | Should -BeLike '*-Recurse*'
        Copy-Item repo:/cache/files repo:/config -Recurse -Force
        Get-Content repo:/config/moved -TotalCount 1 | Should -Be 'first config/main'
        Remove-Item repo:/cache/files/m*, repo:/config/moved, repo:/config/x
        Get-Item repo:/cache/files/* | ForEach-Object Name | Should -Be 'cache/files/x'
    }

    It 'removes items for good or softly, and restores by renaming' {
        'a1', 'a2', 'b1' | ForEach-Object { Set-Content "repo:/config/$_" x }
        Remove-Item repo:/config/a1 -WhatIf
        Remove-Item repo:/config/* -Include a* -Exclude *2
        Get-ChildItem repo:/config -Name | Should -Be a2, b1, main, other
        Get-ChildItem repo:/config -Filter ?? | Should -HaveCount 2
        Remove-Item repo:/config/a2 -Soft
        Get-ChildItem repo:/config/?2* -Force | Rename-Item -NewName { $_.Key }
        Set-Location repo:/
        Get-ChildItem repo:/config -Filter ?? | Remove-Item -Soft
        Get-ErrorId { Remove-Item repo:/config/a2.del -Soft } | Should -Be 'InvalidArgument'
        (Get-BorgStoreItem config/* -Deleted).Key | Should -Be a2, b1, gone
        Get-ChildItem repo:/config/??.del -Force | Remove-Item
        Get-ChildItem repo:/config -Name -Force | Should -Be gone.del, main, other
        Get-ErrorId { Remove-Item repo:/config/none } | Should -Be 'ObjectNotFound'
    }

    It 'removes the items of a namespace only with -Force or a confirmation' {
        Set-Content repo:/cache/files/y y
        # There is nobody to ask.
        Get-ErrorText { [powershell]::Create('CurrentRunspace').AddScript('Remove-Item repo:/ -Recurse -Force').Invoke(); Remove-Item repo:/ -Force -Recurse } | Should -BeLike '*Remove-BorgStore *'
        Remove-Item repo:/cache -Recurse -Force -WhatIf
        Get-ChildItem repo:/cache/files -Name | Should -Be x, y
        Remove-Item repo:/cache/files -Recurse -Force
        Get-ChildItem repo:/cache -Recurse -Name | Should -Be files
        Set-Content repo:/cache/files/x x
    }

    It 'gives its items to the item cmdlets and others' {
        (Get-ChildItem repo:/data | Get-BorgStoreItemContent -AsString | Measure-Object).Count | Should -Be 3
        (Get-ChildItem repo:/config -Force | Get-BorgStoreItem -ThrottleLimit 1).Name | Should -Be 'config/gone', 'config/main', 'config/other'
        Get-ChildItem repo:/config | Get-Content -Raw | Should -Be "first config/main`nsecond", "first config/other`nsecond"
        [pscustomobject]@{ LiteralPath = 'repo:/config/piped' } | Set-Content -Value one, two
        Get-Item repo:/config/piped | Get-Content | Should -Be one, two
        Get-Item repo:/config/piped | Remove-Item
    }

    It 'stops with Ctrl-C while the storage does not answer' {
        $slow = Open-BorgStore (Get-PSDrive repo).Root -Namespace @{ config = 0 } -Latency '1:00:00'
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        try {
            $null = $shell.AddScript("Import-Module '$modulePath'; `$s = Open-BorgStore '$($slow.Uri)' -Namespace @{ config = 0 } -Latency '1:00:00'; `$null = New-PSDrive slow BorgStore `$s; 'ready'; Get-ChildItem slow:/config")
            $output = [Management.Automation.PSDataCollection[psobject]]::new()
            $null = $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
            while (-not $output.Count) { Start-Sleep -Milliseconds 20 }
            $shell.BeginStop($null, $null).AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        }
        finally {
            $shell.Dispose()
            $slow | Close-BorgStore
        }
    }
}

Describe 'The item cmdlets' {
    BeforeAll {
        $repo = New-TestDrive
        $other = New-TestDrive other
    }
    AfterAll { Remove-TestDrive }
    AfterEach { Set-Location $PSScriptRoot }

    It 'take paths on drives' {
        (Get-BorgStoreItem repo:/data/00*).Name | Should -Be 'data/00aa11', 'data/00bb22'
        (Get-BorgStoreItem -LiteralName repo:\config\main).Store.Uri | Should -Be $repo.Root
        'a', 'b' | Set-BorgStoreItem other:/config/list
        Get-BorgStoreItemContent other:/config/list -AsString | Should -Be "a`nb"
        'repo:/config/list', 'other:/config/list' | Test-BorgStoreItem | Should -Be $false, $true
        Copy-BorgStoreItem other:/config/list repo:/config/
        Move-BorgStoreItem repo:/config/list repo:/config/list2
        Remove-BorgStoreItem repo:/config/list2, repo:/data/ff0033 -Soft
        Restore-BorgStoreItem repo:/config/list2
        (Get-BorgStoreItemHash repo:/config/list2).Hash | Should -Be (Get-BorgStoreItemHash other:/config/list).Hash
        Get-BorgStoreItem other:/config/list | Copy-BorgStoreItem -Destination { "repo:/config/$($_.Key)3" }
        (Get-Item repo:/config/list*).Key | Should -Be list2, list3
    }

    It 'refuse paths that contradict each other or name no item' {
        Get-ErrorText { Get-BorgStoreItem repo:/config/main -Store $other.Root } | Should -BeLike '*Omit -Store*'
        Get-ErrorText { Get-BorgStoreItem repo:/config/main, other:/config/main } | Should -BeLike '*several stores*'
        Get-ErrorText { Move-BorgStoreItem repo:/config/main other:/config/main } | Should -BeLike '*another store*'
        Get-ErrorText { Get-BorgStoreItem repo:/ } | Should -BeLike '*root of a drive*'
        Get-ErrorText { Get-BorgStoreItemContent repo:/config } | Should -BeLike "*'config' is a namespace*"
        Get-ErrorText { Restore-BorgStoreItem repo:/config/gone.del } | Should -BeLike "*name 'config/gone'*"
    }

    It 'use the store of the drive where the session is, unless another one was opened' {
        Get-ErrorText { Get-BorgStoreItem config/main } | Should -BeLike '2 stores are open*'
        Set-Location other:/config
        (Get-BorgStoreItem config/main).Store.Uri | Should -Be $other.Root
        $third = New-TestStore 1
        Get-ErrorText { Get-BorgStoreItem config/main } | Should -BeLike "*at the drive 'other'*$($third.Uri)*"
        Set-Location $PSScriptRoot
        (Get-BorgStoreItem).Store.Uri | Should -Be $third.Uri
        $third | Close-BorgStore
    }
}

Describe 'A drive of a server' {
    BeforeAll {
        $folder = New-TestUri
        $null = New-TestDrive repo $folder
        Remove-TestDrive
        $secret = ConvertTo-SecureString 'se cret' -AsPlainText -Force
        $server = Start-BorgStoreServer $folder -Port 0 -Credential ([pscredential]::new('me', $secret))
        $drive = New-PSDrive repo BorgStore $server.Uri -Credential ([pscredential]::new('me', $secret)) -Scope Global
    }
    AfterAll {
        Remove-TestDrive
        Stop-BorgStoreServer $server
    }
    AfterEach { Set-Location $PSScriptRoot }

    It 'asks the server no more than an answer needs' {
        Measure-Call { Set-Location repo:/data; Get-ChildItem repo:/ } | Should -Be ''
        Measure-Call { Get-ChildItem repo:/data } | Should -Be 'List 1'
        Measure-Call { Get-ChildItem repo:/data/00* } | Should -Be 'List 1'
        Measure-Call { Get-ChildItem repo:/data -Include 00* } | Should -Be 'List 1'
        Measure-Call { Get-Item repo:/data/00* } | Should -Be 'List 1'
        Measure-Call { Test-Path repo:/config/main } | Should -Be 'Info 1'
        Measure-Call { Test-Path repo:/config/main -PathType Leaf } | Should -Be 'Info 1'
        Measure-Call { Get-Item repo:/config/other } | Should -Be 'Info 1'
        Measure-Call { Get-Item -LiteralPath repo:/config/other } | Should -Be 'Info 1'
        Measure-Call { Get-Content repo:/config/main } | Should -Be 'Load 1'
        Measure-Call { Set-Content repo:/config/main x } | Should -Be 'Store 1'
        Measure-Call { Get-ChildItem repo:/config | Get-Content } | Should -Be 'Load 2, List 1'
        Measure-Call { Get-ChildItem repo:/config | Remove-Item } | Should -Be 'Delete 2, List 1'
    }

    It 'sees at once what changed' {
        Set-Content repo:/config/other x
        Set-Content repo:/config/one 1
        Test-Path repo:/config/on* | Should -BeTrue
        Get-Item repo:/config/o* | Should -HaveCount 2
        Remove-BorgStoreItem repo:/config/one
        Test-Path repo:/config/on*, repo:/config/one | Should -Be $false, $false
    }

    It 'shows no password' {
        Remove-PSDrive repo
        $uri = $server.Uri -replace '//', '//me:se%20cret@'
        $drive = New-PSDrive repo BorgStore $uri -Scope Global
        $drive.Root | Should -Not -Match 'cret'
        (Get-Item repo:/config).PSPath | Should -Not -Match 'cret'
        (Get-PSDrive repo | Format-List * | Out-String) | Should -Not -Match 'cret'
        Get-ErrorText { Get-Content repo:/config/none } | Should -Not -Match 'cret'
    }
}
