# Mistakes at the prompt, and the errors that users see.
BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Selecting a store' {
    AfterEach { Close-AllStore }

    It 'fails with an error that names the parameter of the cmdlet' {
        Get-ErrorText { Test-BorgStore } | Should -BeLike '*by its URL with -Uri.'
        Get-ErrorText { Get-BorgStoreItem } | Should -BeLike '*by its URL with -Store.'
        $null = (New-TestStore), (New-TestStore)
        Get-ErrorText { Test-BorgStore } | Should -BeLike '2 stores are open*with -Uri, or*'
        Get-ErrorText { Close-BorgStore } | Should -BeLike '2 stores are open*with -Store, or*'
    }

    It 'closes a store by its URL and is harmless for closed stores' {
        $stores = (New-TestStore), (New-TestStore)
        Close-BorgStore $stores[0].Uri
        "$($stores[1].Uri)/" | Close-BorgStore
        $stores.IsOpen | Should -Be $false, $false
        Close-BorgStore $stores
        Close-BorgStore
        Get-ErrorText { Close-BorgStore file:///nothing } | Should -BeLike '*is not open*Get-BorgStore*'
    }

    It 'accepts a URL with a trailing slash and never shows its password' {
        $store = New-TestStore
        Get-BorgStore "$($store.Uri)/" | Should -Be $store
        Get-ErrorText { Get-BorgStore http://user:geheim@host/x } | Should -BeLike '*is not open. Open-BorgStore*'
        Get-ErrorText { Get-BorgStore http://user:geheim@host/x } | Should -Not -BeLike '*geheim*'
        Get-ErrorText { Close-BorgStore http://user:geheim@host/x } | Should -Not -BeLike '*geheim*'
    }

    It 'never falls back to the open store if -Store is empty: <_>' -ForEach @(
        'Get-BorgStoreItem -Store $nothing', 'Remove-BorgStoreItem config/k0001 -Store $nothing', 'Measure-BorgStore -Store $nothing'
        'Get-BorgStoreQuota -Store $nothing', 'Close-BorgStore $nothing', '$nothing | Close-BorgStore', 'Clear-BorgStoreCache -All -Store $nothing'
    ) {
        $store = New-TestStore 1
        $nothing = $null
        Get-ErrorId ([scriptblock]::Create($_)) | Should -BeIn 'InvalidArgument', 'ParameterArgumentValidationError', 'ParameterArgumentValidationErrorNullNotAllowed'
        $store.IsOpen | Should -BeTrue
        @(Get-BorgStoreItem -Store $store).Count | Should -Be 1
    }

    It 'rejects -Credential where it cannot be used: <Uri>' -ForEach @(
        @{ Uri = 'file:///srv/store'; Hint = '*rights of the current user*' }
        @{ Uri = 'sftp://host/store?transport=ssh'; Hint = '*ssh program*transport=ssh*' }
        @{ Uri = 'rest://host/store'; Hint = '*rest://user@host/path*' }
        @{ Uri = 'rclone:remote:store'; Hint = '*rclone config*' }
    ) {
        $credential = [pscredential]::new('user', (ConvertTo-SecureString geheim -AsPlainText -Force))
        foreach ($command in { New-BorgStore $Uri @{ a = 0 } -Credential $credential }, { Open-BorgStore $Uri -Credential $credential },
            { Test-BorgStore $Uri -Credential $credential }, { Remove-BorgStore $Uri -Force -Credential $credential }) {
            Get-ErrorId $command | Should -Be 'InvalidArgument'
            Get-ErrorText $command | Should -BeLike $Hint
        }
    }
}

Describe 'An invalid URL or namespace argument' {
    AfterEach { Close-AllStore }

    It 'gives the URL of the folder if it is a path: <_>' -ForEach @(
        'New-BorgStore ./folder', 'Open-BorgStore folder', 'Open-BorgStore $uri -CacheUri ./folder', 'Test-BorgStore folder', 'Remove-BorgStore ./folder -Force'
        'Get-BorgStoreItem -Store folder', 'Copy-BorgStoreItem config/x -Store $uri -DestinationStore folder'
    ) {
        $uri = (New-TestStore).Uri
        Push-Location $TestDrive
        try {
            Get-ErrorId ([scriptblock]::Create($_)) | Should -Be 'InvalidUrl'
            Get-ErrorText ([scriptblock]::Create($_)) | Should -BeLike "*write '$([uri]::new("$((Get-Location).ProviderPath)/folder").AbsoluteUri)'."
        }
        finally {
            Pop-Location
        }
    }

    It 'is rejected if it has no levels or upper-case names' {
        foreach ($wrong in 'config', ('config', 'data')) {
            Get-ErrorText { New-BorgStore (New-TestUri) $wrong } | Should -BeLike '*with their levels*@{ config = 0; data = 2 }*'
        }
        Get-ErrorText { New-BorgStore (New-TestUri) @{ Config = 0 } } | Should -BeLike "*'Config'*lower case*"
    }

    It 'is an InvalidArgument error if it has the wrong type: <_>' -ForEach @(
        'Open-BorgStore $uri -Permission bogus', 'Open-BorgStore $uri -Permission 42', 'Open-BorgStore $uri -Namespace config', 'Get-BorgStoreItem -Store 42'
        'Get-BorgStoreItemContent config/k0001 -AsString -Encoding nope', '[pscustomobject]@{ Name = "config/k0001"; Store = 42 } | Get-BorgStoreItem'
    ) {
        $uri = (New-TestStore 1).Uri
        Get-ErrorId ([scriptblock]::Create($_)) | Should -Be 'InvalidArgument'
        (Get-BorgStoreItem config/k0001).Size | Should -BeGreaterThan 0
    }

    It 'gives one error per piped object, and the others are processed' {
        $null = New-TestStore 2
        $piped = [pscustomobject]@{ Name = 'config/k0001'; Store = 42 }, [pscustomobject]@{ Name = 'config/k0002' }, [pscustomobject]@{ Name = 'config/k0001'; Store = 42 }
        (@($piped | Get-BorgStoreItem -ErrorAction SilentlyContinue -ErrorVariable errors)).Name | Should -Be 'config/k0002'
        $errors | Should -HaveCount 2
        $errors | ForEach-Object { ($_.FullyQualifiedErrorId -split ',')[0] | Should -Be 'InvalidArgument' }
    }

    It 'is reported without its password if a URL is given as a name' {
        $null = New-TestStore
        foreach ($command in { Get-BorgStoreItem http://user:geheim@host/x }, { Measure-BorgStore http://user:geheim@host/x }) {
            Get-ErrorText $command | Should -BeLike '*URL of a store*-Store.'
            Get-ErrorText $command | Should -Not -BeLike '*geheim*'
        }
    }
}

Describe 'A hint for an invalid name' {
    BeforeAll { $store = New-TestStore 2 }
    AfterAll { Close-AllStore }

    It 'is given for a store piped to <_>' -ForEach @(
        'Get-BorgStoreItem', 'Get-BorgStoreItemContent', 'Get-BorgStoreItemHash', 'Test-BorgStoreItem', 'Remove-BorgStoreItem', 'Restore-BorgStoreItem'
        'Move-BorgStoreItem -Destination data/', 'Copy-BorgStoreItem -Destination data/', 'Export-BorgStoreItem -Path .', 'Clear-BorgStoreCache', 'Invoke-BorgStoreDefrag'
    ) {
        foreach ($piped in '$store', '(Get-BorgStoreItem config/k0001).Store') {
            Get-ErrorText ([scriptblock]::Create("$piped | $_")) | Should -BeLike '*is a store*-Store $store.'
        }
        Get-ErrorText { Get-BorgStoreItem $store } | Should -BeLike '*-Store $store.'
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'is given for a hashtable' {
        Get-ErrorText { @{ Name = 'config/k0001' } | Get-BorgStoreItemHash } | Should -BeLike '*hashtable*`[pscustomobject`]@{ Name =*'
        Get-ErrorText { @{ Name = 'config/k0001' } | Get-BorgStoreItem } | Should -BeLike '*hashtable*`[pscustomobject`]@{ Name =*'
    }

    It 'is given for an item passed as an argument instead of piped' {
        Remove-BorgStoreItem config/k0002 -Soft
        Set-BorgStoreItem config/k0002 -Value live
        $items = Get-BorgStoreItem -IncludeDeleted
        foreach ($given in @($items[0]), $items) {
            Get-ErrorText { Remove-BorgStoreItem $given } | Should -BeLike '*An item must be piped*$item.Name.'
            Get-ErrorText { Get-BorgStoreItemContent $given } | Should -BeLike '*An item must be piped*$item.Name.'
        }
        @(Get-BorgStoreItem -IncludeDeleted).Count | Should -Be 3
        $items | Where-Object IsDeleted | Remove-BorgStoreItem
    }

    It 'is given for an object without a name' {
        Get-ErrorText { [pscustomobject]@{ Nam = 'x' } | Get-BorgStoreItem } | Should -BeLike '*no property Name*'
        Get-ErrorText { [pscustomobject]@{ Nam = 'x' } | Remove-BorgStoreItem } | Should -BeLike '*no property Name*'
    }

    It 'is given for a destination namespace without its slash' {
        Get-ErrorText { Copy-BorgStoreItem config/k0001 data } | Should -BeLike "*'data' is a namespace*write 'data/'*"
        Get-ErrorText { Get-BorgStoreItem | Move-BorgStoreItem -Destination { 'data' } } | Should -BeLike "*'data' is a namespace*write 'data/'*"
        Get-ErrorText { Get-Item $PSCommandPath | Set-BorgStoreItem config } | Should -BeLike "*'config' is a namespace*-Namespace config*"
        Get-ErrorText { Set-BorgStoreItem config/ -Path $PSCommandPath } | Should -BeLike "*'config/' is a namespace*-Namespace config*"
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'is given for <Name>' -ForEach @(
        @{ Name = 'config'; Hint = "*'config' is a namespace*config/*" }
        @{ Name = 'config/'; Hint = "*'config' is a namespace*config/*" }
        @{ Name = 'Config'; Hint = "*'config' is a namespace*config/*" }
        @{ Name = 'Config/Main'; Hint = "*lower case*write 'config/main'." }
        @{ Name = 'config/Main'; Hint = '*upper-case*lower case*' }
        @{ Name = 'config\k0001'; Hint = "*write 'config/k0001'." }
        @{ Name = '/config/k0001'; Hint = "*write 'config/k0001'." }
        @{ Name = 'confg/k0001'; Hint = "*no namespace 'confg'*config, data*" }
    ) {
        Get-ErrorText { Get-BorgStoreItem $Name } | Should -BeLike $Hint
        Get-ErrorText { Remove-BorgStoreItem $Name } | Should -BeLike $Hint
        Get-ErrorText { Set-BorgStoreItem $Name -Value x } | Should -BeLike $Hint
    }

    It 'is given for a namespace, even if keys need none' {
        $other = New-TestStore -Namespace @{ '' = 0; config = 0 }
        Get-ErrorText { Get-BorgStoreItem config -Store $other } | Should -BeLike "*'config' is a namespace*config/*"
        Get-ErrorText { Get-BorgStoreItem config/ -Store $other } | Should -BeLike "*'config' is a namespace*config/*"
        $other | Close-BorgStore
    }
}

Describe 'A wildcard' {
    BeforeAll { $store = New-TestStore 2 }
    AfterAll { Close-AllStore }

    It 'outside any namespace causes a warning: <_>' -ForEach 'confg/*', 'config\*', 'x?' {
        Get-BorgStoreItem $_ -WarningVariable warning -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warning" | Should -BeLike "*cannot match anything*config, data*"
    }

    It 'that could match but does not causes no warning: <_>' -ForEach 'config/x*', 'Con*/x', '*x' {
        Get-BorgStoreItem $_ -WarningAction Stop | Should -BeNullOrEmpty
    }

    It 'is rejected by <_> with a hint to use Get-BorgStoreItem' -ForEach @(
        'Remove-BorgStoreItem', 'Get-BorgStoreItemContent', 'Get-BorgStoreItemHash', 'Move-BorgStoreItem', 'Copy-BorgStoreItem'
    ) {
        $rest = $_ -match '^(Move|Copy)' ? '-Destination data/' : ''
        Get-ErrorText ([scriptblock]::Create("$_ config/k* $rest")) | Should -BeLike "*Get-BorgStoreItem 'config/k*' | $_."
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'gives a hint with -Deleted if soft-deleted items are meant' {
        foreach ($command in 'Restore-BorgStoreItem config/k*', 'Remove-BorgStoreItem config/k* -Deleted') {
            Get-ErrorText ([scriptblock]::Create($command)) | Should -BeLike "*Get-BorgStoreItem 'config/k*' -Deleted | $(($command -split ' ')[0])."
        }
    }

    It 'is not expanded by -LiteralName or Test-BorgStoreItem' {
        Get-ErrorText { Get-BorgStoreItem -LiteralName config/k* } | Should -BeLike '*-LiteralName takes no wildcards*'
        # A warning on most systems, but an error on Windows, where such names do not exist.
        $seen = & { $ErrorActionPreference = 'Continue'; Test-BorgStoreItem config/k* 2>&1 3>&1 }
        $seen | Should -Not -Contain $true
        "$seen" | Should -BeLike "*Get-BorgStoreItem 'config/k*' | Test-BorgStoreItem.*"
    }
}

Describe 'An invalid value' {
    BeforeAll {
        $store = New-TestStore
        Set-Content $TestDrive/lines.txt one, two
    }
    AfterAll { Close-AllStore }

    It 'is rejected with a hint: <Command>' -ForEach @(
        @{ Command = '"a" | Set-BorgStoreItem'; Hint = '*no name*-Name*Name and Value*' }
        @{ Command = '[byte[]] (1, 2) | Set-BorgStoreItem'; Hint = '*no name*-Name*' }
        @{ Command = 'Set-BorgStoreItem -Value a'; Hint = '*no name*-Name*' }
        @{ Command = '$null | Set-BorgStoreItem config/y'; Hint = "*is `$null*empty value give ''*" }
        @{ Command = '"a", $null | Set-BorgStoreItem config/y'; Hint = '*is $null*' }
        @{ Command = 'Set-BorgStoreItem config/y -Value $null'; Hint = '*is $null*' }
        @{ Command = '[pscustomobject]@{ Name = "config/y"; Value = $null } | Set-BorgStoreItem'; Hint = '*is $null*' }
        @{ Command = '[pscustomobject]@{ Value = "x" } | Set-BorgStoreItem'; Hint = '*no name*Name and Value*' }
        @{ Command = '@{ Name = "config/y"; Value = "x" } | Set-BorgStoreItem'; Hint = '*hashtable*`[pscustomobject`]*' }
        @{ Command = '@{ Name = "config/y"; Value = "x" } | Set-BorgStoreItem config/y'; Hint = '*Hashtable*ConvertTo-Json*' }
        @{ Command = 'Set-BorgStoreItem config/y -Value (Get-Content $TestDrive/lines.txt)'; Hint = '*Get-Content file -Raw*-Path*' }
    ) {
        $errors = & { $ErrorActionPreference = 'Continue'; try { & ([scriptblock]::Create($Command)) 2>&1 3>&1 } catch { $_ } }
        @($errors).Count | Should -Be 1 -Because 'one error tells it, and no warning beside it'
        $errors.Exception.Message | Should -BeLike $Hint
        ($errors.FullyQualifiedErrorId -split ',')[0] | Should -Be 'InvalidArgument'
        Get-BorgStoreItem | Should -BeNullOrEmpty
    }

    It 'is rejected if two files are given for one name' {
        Get-ErrorText { Set-BorgStoreItem config/y -Path $PSCommandPath, $PSScriptRoot/TestStore.ps1 } | Should -BeLike '*second value*-Namespace*'
        Get-BorgStoreItem | Should -BeNullOrEmpty
    }

    It 'does not also cause a warning that nothing was piped' {
        [pscustomobject]@{ Name = 'config/y'; Value = 'x'; Store = New-TestUri } |
            Set-BorgStoreItem -ErrorAction SilentlyContinue -ErrorVariable failure -WarningAction Stop
        ($failure.FullyQualifiedErrorId -split ',')[0] | Should -Be 'StoreDoesNotExist'
    }
}

Describe 'One file for many items' {
    BeforeAll {
        $store = New-TestStore 3
        Set-Content $TestDrive/file kept
    }
    AfterAll { Close-AllStore }

    It 'is rejected before anything is written: <_>' -ForEach @(
        'Get-BorgStoreItemContent config/k0001, config/k0002 -Destination $TestDrive/one'
        '"config/k0001", "config/k0002" | Get-BorgStoreItemContent -Destination $TestDrive/one'
        'Get-BorgStoreItem | Get-BorgStoreItemContent -Destination $TestDrive/file -Force'
    ) {
        Get-ErrorText ([scriptblock]::Create($_)) | Should -BeLike "*none was written*'/'*"
        Test-Path $TestDrive/one | Should -BeFalse
        Get-Content $TestDrive/file | Should -Be kept
    }

    It 'cannot be used as a folder: <_>' -ForEach @(
        'Get-BorgStoreItemContent config/k0001 -Destination $TestDrive/file/', 'Get-BorgStoreItemContent config/k0001 -Destination $TestDrive/file/x'
        'Export-BorgStoreItem config/k0001 $TestDrive/file', 'Export-BorgStoreItem config/k0001 $TestDrive/file/x -Force'
    ) {
        Get-ErrorId ([scriptblock]::Create($_)) | Should -Be 'InvalidArgument'
        Get-ErrorText ([scriptblock]::Create($_)) | Should -BeLike "*file' is a file*another folder*"
        Get-Content $TestDrive/file | Should -Be kept
    }
}

Describe 'Permissions and hashes' {
    BeforeAll { $store = New-TestStore 1 }
    AfterAll { Close-AllStore }

    It 'report that there are no permissions to test' {
        Get-ErrorText { $store.Permission | Test-BorgStorePermission config/x r } | Should -BeLike '*no permissions to test*allows everything*'
        Get-ErrorText { Test-BorgStorePermission config/x r -Permission $null } | Should -BeLike '*no permissions to test*'
    }

    It 'accept rights as words, letters or lists' {
        Test-BorgStorePermission x l, r -Permission read-only | Should -BeTrue
        Test-BorgStorePermission x List, Write -Permission read-only | Should -BeFalse
        Test-BorgStorePermission x 'List, Read' -Permission read-only | Should -BeTrue
        foreach ($wrong in 'x', 'Red', '', 'rx') {
            Get-ErrorText { Test-BorgStorePermission x $wrong -Permission read-only } | Should -BeLike "*'$wrong' is not a right*Overwrite*l (list)*"
        }
    }

    It 'accept a map in place of a preset' {
        New-BorgStorePermission @{ '' = 'lr' } | Test-BorgStorePermission x Read | Should -BeTrue
    }

    It 'return text if -Encoding is given' {
        Get-BorgStoreItemContent config/k0001 -Encoding ascii | Should -Be 'value 1'
        'config/k0001' | Get-BorgStoreItemContent -Encoding ascii | Should -Be 'value 1'
    }

    It 'test integrity if -Algorithm is given' {
        (Test-BorgStoreItem config/k0001 -Algorithm MD5).Valid | Should -BeFalse
        (Test-BorgStoreItem config/k0001 -Algorithm MD5 -Integrity).Algorithm | Should -Be 'MD5'
        Get-ErrorText { Test-BorgStoreItem config/k0001 -Algorithm crc } | Should -BeLike '*Unsupported hash algorithm*'
    }
}

Describe 'A time without a unit' {
    AfterEach { Close-AllStore }

    It 'is rejected by every parameter that takes a time' {
        $store = New-TestStore
        Get-ErrorText { Clear-BorgStoreTemporary -OlderThan 30 } | Should -BeLike '*30 has no unit*'
        Get-ErrorText { Open-BorgStore $store.Uri -Latency 5 } | Should -BeLike '*5 has no unit*'
        Get-ErrorText { Open-BorgStore $store.Uri -CacheUri file:///nowhere -Namespace @{ data = @{ Levels = 1; Cache = 'Mirror'; MaxAge = 3600 } } } |
            Should -BeLike "*'MaxAge' of namespace 'data'*3600 has no unit*"
        Clear-BorgStoreTemporary -OlderThan 0 | Should -BeNullOrEmpty
    }
}
