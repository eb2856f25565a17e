BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Creating and opening stores' {
    AfterEach { Close-AllStore }

    It 'creates a store and returns it open' {
        $uri = New-TestUri
        $store = New-BorgStore $uri -Namespace @{ config = 0; data = 2 }
        $store.Uri | Should -Be $uri
        $store.IsOpen | Should -BeTrue
        $store.Durability | Should -Be 'Batch'
        $store.Namespace.Name | Should -Be 'config', 'data'
        Get-BorgStore | Should -Be $store
    }

    It 'accepts levels as a number, an array or a hashtable' {
        $store = New-BorgStore (New-TestUri) -Namespace @{ one = 1; change = 1, 2; nested = @{ Levels = 0, 2 }; text = '3' }
        $levels = @{}
        $store.Namespace | ForEach-Object { $levels[$_.Name] = $_.Levels -join ' ' }
        $levels.one | Should -Be '1'
        $levels.change | Should -Be '1 2'
        $levels.nested | Should -Be '0 2'
        $levels.text | Should -Be '3'
    }

    It 'rejects unknown settings and invalid levels' {
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ data = @{ Depth = 2 } } } | Should -BeLike "*unknown setting 'Depth'*@{ config = 0*"
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ data = 'two' } } | Should -BeLike "*'two', which is not a number*"
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ data = @{ } } } | Should -BeLike '*not a number*'
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ data = 17 } } | Should -BeLike '*from 0 to 16*'
    }

    It 'has a preset with the namespaces of Borg 2' {
        $uri = New-TestUri
        (New-BorgStore $uri -Preset Borg2).Namespace.Name | Should -Contain 'packs'
        Get-ChildItem ([uri] $uri).LocalPath -Force | Should -BeNullOrEmpty -Because 'borg repo-create wants an empty place'
        Get-ErrorId { New-BorgStore (New-TestUri) -Preset Borg2 -Namespace @{ a = 0 } } | Should -Be 'InvalidArgument'
        $store = New-BorgStore (New-TestUri) -Preset Borg2 -Namespace @{ packs = 2; 'data/' = @{ Levels = 1 } }
        ($store.Namespace | Where-Object Name -in 'packs', 'data', 'config').ForEach{ "$($_.Name) $($_.Levels)" } | Should -Be 'config 0', 'data 1', 'packs 2'
    }

    It 'recognises the layout of an existing store' {
        $store = New-TestStore
        Set-BorgStoreItem data/0123456789 -Value x
        Set-BorgStoreItem config/main -Value x
        $store | Close-BorgStore
        $again = Open-BorgStore $store.Uri
        ($again.Namespace | ForEach-Object { "$($_.Name) $($_.Levels)" }) | Should -Be 'config 0', 'data 2'
    }

    It 'applies durability, quota, permissions, latency and bandwidth' {
        $store = New-BorgStore (New-TestUri) -Namespace @{ data = 0 } -Durability Each -Quota 1KB -Permission @{ '' = 'lrwWD' } -Latency 00:00:00.05 -Bandwidth 1GB
        $store.Durability | Should -Be 'Each'
        $store.Quota | Should -Be 1024
        (Measure-Command { Get-BorgStoreItem data/none -ErrorAction Ignore }).TotalMilliseconds | Should -BeGreaterThan 45
        Get-ErrorId { Set-BorgStoreItem data/x -Value ('x' * 2000) } | Should -Be 'QuotaExceeded'
        Get-BorgStoreQuota | ForEach-Object Limit | Should -Be 1024
    }

    It 'never shows a password' {
        Get-ErrorText { Open-BorgStore 'nix://user:geheim@host/path' } | Should -Not -BeLike '*geheim*'
        Get-ErrorText { Test-BorgStore 'nix://user:geheim@host/path' } | Should -Not -BeLike '*geheim*'
        (Test-BorgStore 'rest://user:geheim@host:1/path' -Quiet) | Should -BeFalse
    }

    It 'changes nothing with -WhatIf' {
        $uri = New-TestUri
        New-BorgStore $uri -Namespace @{ a = 0 } -WhatIf
        Test-Path ([uri] $uri).LocalPath | Should -BeFalse
        Get-BorgStore | Should -BeNullOrEmpty
    }
}

Describe 'The store that a cmdlet uses' {
    AfterEach { Close-AllStore }

    It 'is the only open store' {
        $null = New-TestStore 1
        Get-BorgStoreItem config/k0001 | ForEach-Object Name | Should -Be 'config/k0001'
    }

    It 'is missing if none is open, and the error gives advice' {
        $command = { Get-BorgStoreItem config/x }
        Get-ErrorId $command | Should -Be 'StoreNotOpen'
        Get-ErrorText $command | Should -BeLike '*Open-BorgStore*New-BorgStore*-Store*'
    }

    It 'is ambiguous if two are open, and the error names them' {
        $stores = (New-TestStore), (New-TestStore)
        $text = Get-ErrorText { Get-BorgStoreItem }
        $stores | ForEach-Object { $text | Should -BeLike "*$($_.Uri)*" }
    }

    It 'is the one opened with -Default' {
        $null = New-TestStore
        $chosen = New-BorgStore (New-TestUri) -Namespace @{ mine = 0 } -Default
        Set-BorgStoreItem mine/x -Value one
        $chosen.IsDefault | Should -BeTrue
        Get-BorgStoreItem | ForEach-Object { $_.Store.Uri } | Should -Be $chosen.Uri
    }

    It 'is the last one opened if the same store is open twice' {
        $store = New-TestStore 1
        $null = Open-BorgStore $store.Uri
        Get-BorgStoreItem | ForEach-Object Name | Should -Be 'config/k0001'
    }

    It 'is given by -Store as a store, a URL or the Store property of an item' {
        $store = New-TestStore 1
        $null = New-TestStore
        $item = Get-BorgStoreItem config/k0001 -Store $store
        Get-BorgStoreItem config/k0001 -Store $store.Uri | ForEach-Object Name | Should -Be 'config/k0001'
        Get-BorgStoreItem config/k0001 -Store $item.Store | ForEach-Object Name | Should -Be 'config/k0001'
        Get-ErrorText { Get-BorgStoreItem config/k0001 -Store 42 } | Should -BeLike '*A store must be*'
    }

    It 'belongs to its runspace' {
        $store = New-TestStore
        $shell = [powershell]::Create()
        try {
            $shell.AddScript("Import-Module '$modulePath'; @(Get-BorgStore).Count").Invoke() | Should -Be 0
        }
        finally {
            $shell.Dispose()
        }
        $store.IsOpen | Should -BeTrue
    }

    It 'is closed with its runspace' {
        $uri = New-TestUri
        $runspace = [runspacefactory]::CreateRunspace()
        $runspace.Open()
        $shell = [powershell]::Create($runspace)
        $store = $shell.AddScript("Import-Module '$modulePath'; New-BorgStore '$uri' @{ a = 0 }").Invoke()[0]
        $store.IsOpen | Should -BeTrue
        $shell.Dispose()
        $runspace.Close()
        $store.IsOpen | Should -BeFalse
        $runspace.Dispose()
    }
}

Describe 'Closing and listing stores' {
    AfterEach { Close-AllStore }

    It 'closes piped stores, even twice' {
        $stores = (New-TestStore), (New-TestStore)
        $stores | Close-BorgStore
        $stores.IsOpen | Should -Be $false, $false
        $stores[0] | Close-BorgStore
        Get-BorgStore | Should -BeNullOrEmpty
    }

    It 'closes the only open store by default' {
        $store = New-TestStore
        Close-BorgStore
        $store.IsOpen | Should -BeFalse
    }

    It 'reports that a closed store has to be reopened' {
        $store = New-TestStore
        $store | Close-BorgStore
        $command = { Get-BorgStoreItem -Store $store }
        Get-ErrorId $command | Should -Be 'StoreNotOpen'
        Get-ErrorText $command | Should -BeLike '*Open-BorgStore*'
    }

    It 'finds open stores by wildcard' {
        $a = New-TestStore
        $null = New-TestStore
        Get-BorgStore "*$($a.Uri.Substring($a.Uri.Length - 12))" | Should -Be $a
        Get-BorgStore '*nothing*' | Should -BeNullOrEmpty
        Get-ErrorId { Get-BorgStore file:///nothing } | Should -Be 'StoreNotOpen'
    }

    It 'closes nothing if an item is piped by mistake' {
        $store = New-TestStore 1
        Get-ErrorId { Get-BorgStoreItem | Close-BorgStore } | Should -Be 'InputObjectNotBound'
        $store.IsOpen | Should -BeTrue
    }
}

Describe 'Destroying stores' {
    BeforeEach {
        $store = New-TestStore 2
        $path = ([uri] $store.Uri).LocalPath
    }
    AfterEach { Close-AllStore }

    It 'destroys an open store' {
        $store | Remove-BorgStore -Force
        Test-Path $path | Should -BeFalse
        $store.IsOpen | Should -BeFalse
        Get-BorgStore | Should -BeNullOrEmpty
    }

    It 'destroys a store by its URL' {
        $store | Close-BorgStore
        Remove-BorgStore $store.Uri -Confirm:$false
        Test-Path $path | Should -BeFalse
    }

    It 'never binds an item, its store or its name as the store to destroy' {
        Get-ErrorId { Get-BorgStoreItem | Remove-BorgStore -Force } | Select-Object -Unique | Should -Be 'InputObjectNotBound'
        Get-ErrorId { (Get-BorgStoreItem).Store | Remove-BorgStore -Force } | Select-Object -Unique | Should -Be 'InputObjectNotBound'
        Get-ErrorId { [pscustomobject]@{ Uri = $store.Uri; Store = $store } | Remove-BorgStore -Force } | Should -Be 'InputObjectNotBound'
        Test-Path $path | Should -BeTrue
    }

    It 'does nothing with -WhatIf, even with -Force' {
        $store | Remove-BorgStore -WhatIf
        $store | Remove-BorgStore -Force -WhatIf
        & { $WhatIfPreference = $true; $store | Remove-BorgStore -Force }
        Test-Path $path | Should -BeTrue
        $store.IsOpen | Should -BeTrue
    }

    It 'asks for confirmation by default' {
        (Get-Command Remove-BorgStore).ImplementingType.GetCustomAttributes([Management.Automation.CmdletAttribute], $true).ConfirmImpact | Should -Be 'High'
    }

    It 'fails if there is no store' {
        Get-ErrorId { Remove-BorgStore (New-TestUri) -Force } | Should -Be 'StoreDoesNotExist'
    }

    It 'names the foreign file that prevents it: <_>' -ForEach 'My File.docx', 'data/HEAD' {
        $null = New-Item -ItemType Directory "$path/data" -Force
        Set-Content -LiteralPath "$path/$_" x
        $store | Close-BorgStore
        Get-ErrorText { Remove-BorgStore $store.Uri -Force } | Should -BeLike "Nothing was removed, because '$($store.Uri)' contains other files, too: there is '$_'*"
        Test-Path -LiteralPath "$path/$_" | Should -BeTrue
    }
}

Describe 'Test-BorgStore' {
    AfterEach { Close-AllStore }

    It 'reports what works' {
        $store = New-TestStore 1
        $result = $store | Test-BorgStore
        $result.Reach, $result.Exists, $result.Layout, $result.List, $result.Read | Should -Be $true, $true, $true, $true, $true
        $result.Problem | Should -BeNullOrEmpty
        Test-BorgStore -Quiet | Should -BeTrue
    }

    It 'reports what is wrong with an ordinary folder' {
        $folder = Join-Path $TestDrive 'ordinary'
        New-Item -ItemType Directory (Join-Path $folder 'a') | Out-Null
        $result = Test-BorgStore -Path $folder
        $result.Layout | Should -BeFalse
        $result.Problem | Should -BeLike "*'a'*ordinary folder*"
    }

    It 'reports that there is no store, without an error' {
        $result = Test-BorgStore (New-TestUri)
        $result.Exists | Should -BeFalse
        $result.Problem | Should -Not -BeNullOrEmpty
        Test-BorgStore (New-TestUri) -Quiet | Should -BeFalse
    }

    It 'reports what permissions deny' {
        $store = New-TestStore 1
        $store | Close-BorgStore
        $store = Open-BorgStore $store.Uri -Namespace @{ config = 0 } -Permission @{ '' = 'l' }
        $result = $store | Test-BorgStore
        $result.List | Should -BeTrue
        $result.Read | Should -BeFalse
        $store | Test-BorgStore -Quiet | Should -BeFalse
    }

    It 'reports that a given layout is wrong' {
        $store = New-TestStore
        Set-BorgStoreItem data/abcdef x
        $store | Close-BorgStore
        $result = Open-BorgStore $store.Uri -Namespace @{ config = 0; data = 1 } | Test-BorgStore
        $result.Layout | Should -BeFalse
        $result.Problem | Should -BeLike '*given level 1, but holds items at level 2*'
    }

    It 'does not take a folder of ordinary files for a store' {
        $folder = New-Item -ItemType Directory "$TestDrive/ordinary/photos/raw", "$TestDrive/ordinary/src"
        Set-Content "$TestDrive/ordinary/photos/raw/a.jpg" x
        Set-Content "$TestDrive/ordinary/src/main.c" x
        Test-BorgStore -Path $TestDrive/ordinary -Quiet | Should -BeFalse
        $result = Test-BorgStore -Path $TestDrive/ordinary
        $result.Exists, $result.Layout | Should -Be $null, $false
        $result.Problem | Should -BeLike "There is 'photos/raw/a.jpg', which may be an ordinary file.*"
        $store = New-TestStore
        Set-BorgStoreItem data/abcdef x
        Set-BorgStoreItem config/settings.json x
        Test-BorgStore -Quiet | Should -BeTrue
        $store | Close-BorgStore
        Test-BorgStore $store.Uri -Quiet | Should -BeTrue -Because 'nested keys show that it is a store'
    }

    It 'leaves Read empty for an empty store' {
        $null = New-TestStore
        (Test-BorgStore).Read | Should -BeNullOrEmpty
        Test-BorgStore -Quiet | Should -BeTrue
    }

    It 'fails for an invalid URL, but returns false with -Quiet' {
        Get-ErrorId { Test-BorgStore /srv/store } | Should -Be 'InvalidUrl'
        Test-BorgStore /srv/store -Quiet | Should -BeFalse
    }
}
