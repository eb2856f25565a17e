# Mistakes at the prompt, and the errors that users see.
BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'A store that is not the one meant' {
    AfterEach { Close-AllStore }

    It 'is named by what the cmdlet takes' {
        Get-ErrorText { Test-BorgStore } | Should -BeLike '*by its URL with -Uri.'
        Get-ErrorText { Get-BorgStoreItem } | Should -BeLike '*by its URL with -Store.'
        $null = (New-TestStore), (New-TestStore)
        Get-ErrorText { Test-BorgStore } | Should -BeLike '2 stores are open*with -Uri, or*'
        Get-ErrorText { Close-BorgStore } | Should -BeLike '2 stores are open*with -Store, or*'
    }

    It 'is closed by its URL, and twice or without any without harm' {
        $stores = (New-TestStore), (New-TestStore)
        Close-BorgStore $stores[0].Uri
        "$($stores[1].Uri)/" | Close-BorgStore
        $stores.IsOpen | Should -Be $false, $false
        Close-BorgStore $stores
        Close-BorgStore
        Get-ErrorText { Close-BorgStore file:///nothing } | Should -BeLike '*is not open*Get-BorgStore*'
    }

    It 'is found by its URL with a slash at its end, and shown without its password' {
        $store = New-TestStore
        Get-BorgStore "$($store.Uri)/" | Should -Be $store
        Get-ErrorText { Get-BorgStore http://user:geheim@host/x } | Should -BeLike '*is not open. Open-BorgStore*'
        Get-ErrorText { Get-BorgStore http://user:geheim@host/x } | Should -Not -BeLike '*geheim*'
        Get-ErrorText { Close-BorgStore http://user:geheim@host/x } | Should -Not -BeLike '*geheim*'
    }

    It 'is never the one that happens to be open where -Store is empty: <_>' -ForEach @(
        'Get-BorgStoreItem -Store $nothing', 'Remove-BorgStoreItem config/k0001 -Store $nothing', 'Measure-BorgStore -Store $nothing'
        'Get-BorgStoreQuota -Store $nothing', 'Close-BorgStore $nothing', '$nothing | Close-BorgStore', 'Clear-BorgStoreCache -All -Store $nothing'
    ) {
        $store = New-TestStore 1
        $nothing = $null
        Get-ErrorId ([scriptblock]::Create($_)) | Should -BeIn 'InvalidArgument', 'ParameterArgumentValidationError', 'ParameterArgumentValidationErrorNullNotAllowed'
        $store.IsOpen | Should -BeTrue
        @(Get-BorgStoreItem -Store $store).Count | Should -Be 1
    }

    It 'takes no -Credential where it could not be used: <Uri>' -ForEach @(
        @{ Uri = 'file:///srv/store'; Hint = '*rights of whoever runs this*' }
        @{ Uri = 'sftp://host/store'; Hint = '*sftp://user@host/path*~/.ssh/config*' }
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

Describe 'What is no URL, and what are no namespaces' {
    AfterEach { Close-AllStore }

    It 'is a path, and the URL of that folder is told: <_>' -ForEach @(
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

    It 'are names without levels, or in upper case' {
        foreach ($wrong in 'config', ('config', 'data')) {
            Get-ErrorText { New-BorgStore (New-TestUri) $wrong } | Should -BeLike '*with their levels*@{ config = 0; data = 2 }*'
        }
        Get-ErrorText { New-BorgStore (New-TestUri) @{ Config = 0 } } | Should -BeLike "*'Config'*lower case*"
    }

    It 'is an argument of another kind, whose error has an identifier of ours: <_>' -ForEach @(
        'Open-BorgStore $uri -Permission bogus', 'Open-BorgStore $uri -Permission 42', 'Open-BorgStore $uri -Namespace config', 'Get-BorgStoreItem -Store 42'
        'Get-BorgStoreItemContent config/k0001 -AsString -Encoding nope', '[pscustomobject]@{ Name = "config/k0001"; Store = 42 } | Get-BorgStoreItem'
    ) {
        $uri = (New-TestStore 1).Uri
        Get-ErrorId ([scriptblock]::Create($_)) | Should -Be 'InvalidArgument'
        (Get-BorgStoreItem config/k0001).Size | Should -BeGreaterThan 0
    }

    It 'is one error in the pipe, and the other objects go on' {
        $null = New-TestStore 2
        $piped = [pscustomobject]@{ Name = 'config/k0001'; Store = 42 }, [pscustomobject]@{ Name = 'config/k0002' }, [pscustomobject]@{ Name = 'config/k0001'; Store = 42 }
        (@($piped | Get-BorgStoreItem -ErrorAction SilentlyContinue -ErrorVariable errors)).Name | Should -Be 'config/k0002'
        $errors | Should -HaveCount 2
        $errors | ForEach-Object { ($_.FullyQualifiedErrorId -split ',')[0] | Should -Be 'InvalidArgument' }
    }

    It 'is a URL where a name is wanted, and its password is not shown' {
        $null = New-TestStore
        foreach ($command in { Get-BorgStoreItem http://user:geheim@host/x }, { Measure-BorgStore http://user:geheim@host/x }) {
            Get-ErrorText $command | Should -BeLike '*URL of a store*-Store.'
            Get-ErrorText $command | Should -Not -BeLike '*geheim*'
        }
    }
}

Describe 'What is no name' {
    BeforeAll { $store = New-TestStore 2 }
    AfterAll { Close-AllStore }

    It 'as a store with <_>' -ForEach @(
        'Get-BorgStoreItem', 'Get-BorgStoreItemContent', 'Get-BorgStoreItemHash', 'Test-BorgStoreItem', 'Remove-BorgStoreItem', 'Restore-BorgStoreItem'
        'Move-BorgStoreItem -Destination data/', 'Copy-BorgStoreItem -Destination data/', 'Export-BorgStoreItem -Path .', 'Clear-BorgStoreCache', 'Invoke-BorgStoreDefrag'
    ) {
        foreach ($piped in '$store', '(Get-BorgStoreItem config/k0001).Store') {
            Get-ErrorText ([scriptblock]::Create("$piped | $_")) | Should -BeLike '*is a store*-Store $store.'
        }
        Get-ErrorText { Get-BorgStoreItem $store } | Should -BeLike '*-Store $store.'
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'as a hashtable' {
        Get-ErrorText { @{ Name = 'config/k0001' } | Get-BorgStoreItemHash } | Should -BeLike '*hashtable*`[pscustomobject`]@{ Name =*'
        Get-ErrorText { @{ Name = 'config/k0001' } | Get-BorgStoreItem } | Should -BeLike '*hashtable*`[pscustomobject`]@{ Name =*'
    }

    It 'as an item that is given and not piped, which would lose its store and whether it is soft-deleted' {
        Remove-BorgStoreItem config/k0002 -Soft
        Set-BorgStoreItem config/k0002 -Value live
        $items = Get-BorgStoreItem -IncludeDeleted
        foreach ($given in @($items[0]), $items) {
            Get-ErrorText { Remove-BorgStoreItem $given } | Should -BeLike '*An item is piped*$item.Name.'
            Get-ErrorText { Get-BorgStoreItemContent $given } | Should -BeLike '*An item is piped*$item.Name.'
        }
        @(Get-BorgStoreItem -IncludeDeleted).Count | Should -Be 3
        $items | Where-Object IsDeleted | Remove-BorgStoreItem
    }

    It 'as an object without a name' {
        Get-ErrorText { [pscustomobject]@{ Nam = 'x' } | Get-BorgStoreItem } | Should -BeLike '*no property Name*'
        Get-ErrorText { [pscustomobject]@{ Nam = 'x' } | Remove-BorgStoreItem } | Should -BeLike '*no property Name*'
    }

    It 'as a namespace to go to, without its slash' {
        Get-ErrorText { Copy-BorgStoreItem config/k0001 data } | Should -BeLike "*'data' is a namespace*write 'data/'*"
        Get-ErrorText { Get-BorgStoreItem | Move-BorgStoreItem -Destination { 'data' } } | Should -BeLike "*'data' is a namespace*write 'data/'*"
        Get-ErrorText { Get-Item $PSCommandPath | Set-BorgStoreItem config } | Should -BeLike "*'config' is a namespace*-Namespace config*"
        Get-ErrorText { Set-BorgStoreItem config/ -Path $PSCommandPath } | Should -BeLike "*'config/' is a namespace*-Namespace config*"
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'as <Name>' -ForEach @(
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

    It 'as a namespace, also where keys need none' {
        $other = New-TestStore -Namespace @{ '' = 0; config = 0 }
        Get-ErrorText { Get-BorgStoreItem config -Store $other } | Should -BeLike "*'config' is a namespace*config/*"
        Get-ErrorText { Get-BorgStoreItem config/ -Store $other } | Should -BeLike "*'config' is a namespace*config/*"
        $other | Close-BorgStore
    }
}

Describe 'A wildcard' {
    BeforeAll { $store = New-TestStore 2 }
    AfterAll { Close-AllStore }

    It 'that lies in no namespace is warned of: <_>' -ForEach 'confg/*', 'config\*', 'x?' {
        Get-BorgStoreItem $_ -WarningVariable warning -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warning" | Should -BeLike "*can match nothing*config, data*"
    }

    It 'that may match, but does not, is not warned of: <_>' -ForEach 'config/x*', 'Con*/x', '*x' {
        Get-BorgStoreItem $_ -WarningAction Stop | Should -BeNullOrEmpty
    }

    It 'is for Get-BorgStoreItem to take, not for <_>' -ForEach @(
        'Remove-BorgStoreItem', 'Get-BorgStoreItemContent', 'Get-BorgStoreItemHash', 'Move-BorgStoreItem', 'Copy-BorgStoreItem'
    ) {
        $rest = $_ -match '^(Move|Copy)' ? '-Destination data/' : ''
        Get-ErrorText ([scriptblock]::Create("$_ config/k* $rest")) | Should -BeLike "*Get-BorgStoreItem 'config/k*' | $_."
        @(Get-BorgStoreItem).Count | Should -Be 2
    }

    It 'finds soft-deleted items where those are meant' {
        foreach ($command in 'Restore-BorgStoreItem config/k*', 'Remove-BorgStoreItem config/k* -Deleted') {
            Get-ErrorText ([scriptblock]::Create($command)) | Should -BeLike "*Get-BorgStoreItem 'config/k*' -Deleted | $(($command -split ' ')[0])."
        }
    }

    It 'is none for -LiteralName, nor one to be tested' {
        Get-ErrorText { Get-BorgStoreItem -LiteralName config/k* } | Should -BeLike '*-LiteralName takes no wildcards*'
        # A warning on most systems, but an error on Windows, where such names do not exist.
        $seen = & { $ErrorActionPreference = 'Continue'; Test-BorgStoreItem config/k* 2>&1 3>&1 }
        $seen | Should -Not -Contain $true
        "$seen" | Should -BeLike "*Get-BorgStoreItem 'config/k*' | Test-BorgStoreItem.*"
    }
}

Describe 'What is no value' {
    BeforeAll {
        $store = New-TestStore
        Set-Content $TestDrive/lines.txt one, two
    }
    AfterAll { Close-AllStore }

    It 'as in <Command>' -ForEach @(
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

    It 'are two files for one name, of which none is stored' {
        Get-ErrorText { Set-BorgStoreItem config/y -Path $PSCommandPath, $PSScriptRoot/TestStore.ps1 } | Should -BeLike '*second value*-Namespace*'
        Get-BorgStoreItem | Should -BeNullOrEmpty
    }

    It 'tells no record with a wrong store that nothing was piped' {
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

    It 'is refused before anything is written: <_>' -ForEach @(
        'Get-BorgStoreItemContent config/k0001, config/k0002 -Destination $TestDrive/one'
        '"config/k0001", "config/k0002" | Get-BorgStoreItemContent -Destination $TestDrive/one'
        'Get-BorgStoreItem | Get-BorgStoreItemContent -Destination $TestDrive/file -Force'
    ) {
        Get-ErrorText ([scriptblock]::Create($_)) | Should -BeLike "*none was written*'/'*"
        Test-Path $TestDrive/one | Should -BeFalse
        Get-Content $TestDrive/file | Should -Be kept
    }

    It 'is no folder: <_>' -ForEach @(
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

    It 'says that there are no permissions to ask' {
        Get-ErrorText { $store.Permission | Test-BorgStorePermission config/x r } | Should -BeLike '*no permissions to test*allows everything*'
        Get-ErrorText { Test-BorgStorePermission config/x r -Permission $null } | Should -BeLike '*no permissions to test*'
    }

    It 'takes rights as words, letters or lists' {
        Test-BorgStorePermission x l, r -Permission read-only | Should -BeTrue
        Test-BorgStorePermission x List, Write -Permission read-only | Should -BeFalse
        Test-BorgStorePermission x 'List, Read' -Permission read-only | Should -BeTrue
        foreach ($wrong in 'x', 'Red', '', 'rx') {
            Get-ErrorText { Test-BorgStorePermission x $wrong -Permission read-only } | Should -BeLike "*'$wrong' is no right*Overwrite*l (list)*"
        }
    }

    It 'takes a map where a preset may stand' {
        New-BorgStorePermission @{ '' = 'lr' } | Test-BorgStorePermission x Read | Should -BeTrue
    }

    It 'reads text where an encoding is given' {
        Get-BorgStoreItemContent config/k0001 -Encoding ascii | Should -Be 'value 1'
        'config/k0001' | Get-BorgStoreItemContent -Encoding ascii | Should -Be 'value 1'
    }

    It 'tests integrity where an algorithm is given' {
        (Test-BorgStoreItem config/k0001 -Algorithm MD5).Valid | Should -BeFalse
        (Test-BorgStoreItem config/k0001 -Algorithm MD5 -Integrity).Algorithm | Should -Be 'MD5'
        Get-ErrorText { Test-BorgStoreItem config/k0001 -Algorithm crc } | Should -BeLike '*Unsupported hash algorithm*'
    }
}

Describe 'A time without a unit' {
    AfterEach { Close-AllStore }

    It 'is refused wherever a time is asked for' {
        $store = New-TestStore
        Get-ErrorText { Clear-BorgStoreTemporary -OlderThan 30 } | Should -BeLike '*30 has no unit*'
        Get-ErrorText { Open-BorgStore $store.Uri -Latency 5 } | Should -BeLike '*5 has no unit*'
        Get-ErrorText { Open-BorgStore $store.Uri -CacheUri file:///nowhere -Namespace @{ data = @{ Levels = 1; Cache = 'Mirror'; MaxAge = 3600 } } } |
            Should -BeLike "*'MaxAge' of namespace 'data'*3600 has no unit*"
        Clear-BorgStoreTemporary -OlderThan 0 | Should -BeNullOrEmpty
    }
}
