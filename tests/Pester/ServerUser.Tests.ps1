# Users of a server with many stores: the cmdlets change the files, and the running server obeys.
BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    function ConvertTo-Secure([string] $Text) { ConvertTo-SecureString $Text -AsPlainText -Force }
    function New-TestCredential([string] $Name, [string] $Password) { [pscredential]::new($Name, (ConvertTo-Secure $Password)) }

    # The server looks for changed files once a second. Trying earlier would only slow down logins, because failed ones make the next wait.
    function Wait-Until([scriptblock] $Condition) {
        $deadline = [DateTime]::UtcNow.AddSeconds(60)
        Start-Sleep -Milliseconds 1100
        while (-not (& $Condition)) {
            if ([DateTime]::UtcNow -gt $deadline) { throw "Not within 60 s: $Condition" }
            Start-Sleep -Milliseconds 300
        }
    }

    # Returns the identifier of the error that a login causes, or 'none'.
    function Get-LoginError([string] $Uri, [pscredential] $Credential) {
        $id = Get-ErrorId { Open-BorgStore $Uri -Credential $Credential | Close-BorgStore }
        $id ? $id : 'none'
    }

    # Creates files for users, and the splatted parameters that name them.
    function New-TestFiles {
        $folder = New-Item (Join-Path $TestDrive "users-$(New-Guid)") -ItemType Directory
        $null = New-Item "$folder/stores" -ItemType Directory
        @{ UserFile = Join-Path $folder users; RightsFile = Join-Path $folder rights.json }
    }

    function Start-TestServer([hashtable] $Files, [hashtable] $Options = @{}) {
        Start-BorgStoreServer -Root "$(Split-Path $Files.UserFile)/stores" -Port 0 @Files @Options
    }

    # Creates a store behind the server as its administrator.
    function Add-TestStore($Server, [pscredential] $Admin, [string[]] $Name) {
        foreach ($one in $Name) { New-BorgStore "$($Server.Uri)/$one" -Namespace @{ data = 0 } -Credential $Admin | Close-BorgStore }
    }
}

Describe 'A user of a running server' {
    BeforeAll {
        $files = New-TestFiles
        $root = New-TestCredential root 'top secret'
        $added = New-BorgStoreServerUser -Credential $root -Admin @files
        $server = Start-TestServer $files
        Add-TestStore $server $root 'photos', 'music'
    }
    AfterAll {
        Close-AllStore
        Get-BorgStoreServer | Stop-BorgStoreServer
    }

    It 'is the output of New-BorgStoreServerUser' {
        $added.Name | Should -Be root
        $added.Kind | Should -Be User
        $added.HasPassword, $added.IsAdmin | Should -Be $true, $true
        $added.Credential | Should -BeNullOrEmpty
        $added.UserFile, $added.RightsFile | Should -Be $files.UserFile, $files.RightsFile
        $server.UserFile, $server.RightsFile | Should -Be $files.UserFile, $files.RightsFile
        Get-Content $files.UserFile -Raw | Should -Not -BeLike '*top secret*'
        if (-not $IsWindows) { [int] (Get-Item $files.UserFile).UnixFileMode | Should -Be ([Convert]::ToInt32('600', 8)) }
    }

    It 'logs in, with a changed password after a change, and no longer once removed' {
        $first, $second = (New-TestCredential anna 'first pässword'), (New-TestCredential anna 'second')
        $null = New-BorgStoreServerUser -Credential $first -Store photos -Permission all
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $first) -eq 'none' }
        Get-LoginError "$($server.Uri)/photos" $second | Should -Be 'AuthenticationFailed'
        Set-BorgStoreServerUser anna -Password $second.Password
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $second) -eq 'none' }
        Get-LoginError "$($server.Uri)/photos" $first | Should -Be 'AuthenticationFailed'
        Set-BorgStoreServerUser -Credential $first
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $first) -eq 'none' }
        Remove-BorgStoreServerUser anna
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $first) -eq 'AuthenticationFailed' }
        (Get-BorgStoreServerUser).Name | Should -Not -Contain anna
        Get-Content $files.RightsFile -Raw | Should -Not -BeLike '*anna*'
    }

    It 'has the rights of its rules, of which the most special comes first' {
        $ben = New-TestCredential ben geheim
        $null = New-BorgStoreServerUser -Credential $ben -Store '*' -Permission read-only
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $ben) -eq 'none' }
        $photos, $music = 'photos', 'music' | ForEach-Object { Open-BorgStore "$($server.Uri)/$_" -Namespace @{ data = 0 } -Credential $ben }
        Get-ErrorId { Set-BorgStoreItem data/a -Value x -Store $photos } | Should -Be 'PermissionDenied'
        (Set-BorgStoreServerUser ben -Store photos -Permission All -PassThru).Rights | ForEach-Object ToString | Should -Be 'photos = all', '* = read-only'
        Wait-Until { -not (Get-ErrorId { Set-BorgStoreItem data/a -Value x -Store $photos }) }
        Get-ErrorId { Set-BorgStoreItem data/a -Value x -Store $music } | Should -Be 'PermissionDenied'
        # Closing flushes, which they may not do any more once they have no rights.
        $photos, $music | Close-BorgStore
        $changed = Set-BorgStoreServerUser ben -RemoveStore '*', photos -Store music -Permission @{ '' = 'lr' } -PassThru
        $changed.Rights.Store | Should -Be music
        $changed.Rights.Permission | Should -Be '{"":"lr"}'
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $ben) -eq 'StoreDoesNotExist' }
    }

    It 'has the rights of groups, and of an administrator as long as it is one' {
        $rights = Get-Content $files.RightsFile -Raw | ConvertFrom-Json -AsHashtable
        $rights.groups = @{ office = @{ stores = @{ music = 'read-only' } } }
        $rights | ConvertTo-Json -Depth 5 | Set-Content $files.RightsFile
        $carl = New-TestCredential carl geheim
        (New-BorgStoreServerUser -Credential $carl -Group office).MemberOf | Should -Be office
        Wait-Until { (Get-LoginError "$($server.Uri)/music" $carl) -eq 'none' }
        (Set-BorgStoreServerUser carl -Group @() -Admin -PassThru).IsAdmin | Should -BeTrue
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $carl) -eq 'none' }
        (Set-BorgStoreServerUser carl -Admin:$false -PassThru).IsAdmin | Should -BeFalse
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $carl) -eq 'StoreDoesNotExist' }
        Get-ErrorText { Set-BorgStoreServerUser carl -Group offce } | Should -BeLike "*no group 'offce'*The groups are 'office'*"
    }

    It 'cannot store more than the quota of the store' {
        $dora = New-TestCredential dora geheim
        $user = New-BorgStoreServerUser -Credential $dora -Store photos -Permission all -Quota 1KB
        $user.Rights.Quota | Should -Be 1KB
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $dora) -eq 'none' }
        $photos = Open-BorgStore "$($server.Uri)/photos" -Namespace @{ data = 0 } -Credential $dora
        Get-ErrorId { Set-BorgStoreItem data/big -Value ([byte[]]::new(2KB)) -Store $photos } | Should -Be 'QuotaExceeded'
        $null = Set-BorgStoreServerUser dora -Store photos -Quota 1MB
        Wait-Until { -not (Get-ErrorId { Set-BorgStoreItem data/big -Value ([byte[]]::new(2KB)) -Store $photos }) }
        $photos | Close-BorgStore
    }

    It 'is a token with a secret that is in the output once, and expires' {
        $token = New-BorgStoreServerUser nightly -Token -ExpiresAfter 90d -Store photos -Permission read-only
        $token.Kind | Should -Be Token
        $token.Expires | Should -BeGreaterThan ([DateTime]::Now.AddDays(89))
        $token.IsExpired | Should -BeFalse
        $secret = $token.Credential.GetNetworkCredential().Password
        $secret | Should -BeLike 'bst_*'
        ($token | Out-String -Width 500) + ($token | Format-List * -Force | Out-String -Width 500) + ($token | ConvertTo-Json) + ($token | ConvertTo-Csv) | Should -Not -BeLike "*$secret*"
        Get-Content $files.RightsFile -Raw | Should -Not -BeLike "*$secret*"
        (Get-BorgStoreServerUser nightly).Credential | Should -BeNullOrEmpty
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $token.Credential) -eq 'none' }

        $renewed = Set-BorgStoreServerUser nightly -NewToken
        $renewed.Credential.GetNetworkCredential().Password | Should -Not -Be $secret
        $renewed.Expires | Should -Be $token.Expires
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $renewed.Credential) -eq 'none' }
        Get-LoginError "$($server.Uri)/photos" $token.Credential | Should -Be 'AuthenticationFailed'

        $null = Set-BorgStoreServerUser nightly -ExpiresAfter 2s
        Wait-Until { (Get-LoginError "$($server.Uri)/photos" $renewed.Credential) -eq 'AuthenticationFailed' }
        Wait-Until { (Get-BorgStoreServerUser nightly).IsExpired }
        (Get-BorgStoreServerUser | Where-Object IsExpired).Name | Should -Be nightly
    }

    It 'is completed by name, group and permission' {
        (TabExpansion2 'Remove-BorgStoreServerUser ro').CompletionMatches.CompletionText | Should -Be root
        (TabExpansion2 "Get-BorgStoreServerUser -UserFile '$($files.UserFile)' -Name ro").CompletionMatches.CompletionText | Should -Be root
        (TabExpansion2 'Set-BorgStoreServerUser root -Group ').CompletionMatches.CompletionText | Should -Be office
        (TabExpansion2 'New-BorgStoreServerUser x -Permission ').CompletionMatches.CompletionText | Should -Contain append-only
    }
}

Describe 'Users in files' {
    BeforeEach { $files = New-TestFiles }

    It 'come from a CSV file, where empty cells count as absent' {
        Set-Content "$TestDrive/new.csv" @'
Name,Password,Store,Permission,Quota,Admin,Group
anna,correct horse,"photos,mail-*",no-delete,50GB,False,
ben,battery staple,,,,True,
'@
        $password = { ConvertTo-SecureString $_.Password -AsPlainText -Force }
        $users = Import-Csv "$TestDrive/new.csv" | New-BorgStoreServerUser -Password $password @files
        $users.Name | Should -Be anna, ben
        $users[0].Rights | ForEach-Object ToString | Should -Be 'photos = no-delete', 'mail-* = no-delete'
        $users[0].Rights.Quota | Should -Be 50GB, 50GB
        $users.IsAdmin | Should -Be $false, $true
        $users[1].Rights | Should -BeNullOrEmpty
        (Get-BorgStoreServerUser @files).Name | Should -Be anna, ben
        Import-Csv "$TestDrive/new.csv" | Select-Object Name | Remove-BorgStoreServerUser @files
        Get-BorgStoreServerUser @files | Should -BeNullOrEmpty
    }

    It 'never show a password in plain text in an error' {
        $text = [pscustomobject]@{ Name = 'anna'; Password = 'geheim' } | ForEach-Object { Get-ErrorText { $_ | New-BorgStoreServerUser @files } }
        $text | Should -BeLike '*SecureString*ConvertTo-SecureString*'
        $text | Should -Not -BeLike '*geheim*'
        Get-ErrorText { New-BorgStoreServerUser anna -Password geheim @files } | Should -Not -BeLike '*geheim*'
        Test-Path $files.UserFile | Should -BeFalse
    }

    It 'are added by name from the pipe as tokens, and removed as objects, which know their files' {
        $tokens = 'one', 'two', 'three' | New-BorgStoreServerUser -Token -RightsFile $files.RightsFile
        $tokens.Name | Should -Be one, two, three
        Get-BorgStoreServerUser t* -RightsFile $files.RightsFile | Remove-BorgStoreServerUser
        (Get-BorgStoreServerUser -RightsFile $files.RightsFile).Name | Should -Be one
    }

    It 'may have certificates instead of passwords, and expire on a date if they are tokens' {
        $user = New-BorgStoreServerUser carl -NoPassword -Store photos -Permission all -RightsFile $files.RightsFile
        $user.HasPassword, $user.Kind | Should -Be $false, User
        (New-BorgStoreServerUser job -Token -Expires '2999-12-31' -RightsFile $files.RightsFile).Expires | Should -Be ([DateTime] '2999-12-31')
        (New-BorgStoreServerUser next -Token -Expires (Get-Date).AddDays(1) -RightsFile $files.RightsFile).IsExpired | Should -BeFalse
        (Get-BorgStoreServerUser -RightsFile $files.RightsFile).Kind | Should -Be User, Token, Token
    }

    It 'are named by paths of PowerShell' {
        $drive = "TestDrive:/$(Split-Path (Split-Path $files.UserFile) -Leaf)/users"
        Push-Location (Split-Path $files.UserFile)
        try {
            $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) -UserFile ./users
            (Get-BorgStoreServerUser -UserFile $drive).Name | Should -Be anna
        }
        finally { Pop-Location }
    }

    It 'stay unchanged with -WhatIf' {
        $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) -Store photos -Permission all @files
        $before = (Get-Content $files.UserFile -Raw) + (Get-Content $files.RightsFile -Raw)
        New-BorgStoreServerUser ben -Password (ConvertTo-Secure geheim) @files -WhatIf | Should -BeNullOrEmpty
        New-BorgStoreServerUser job -Token @files -WhatIf | Should -BeNullOrEmpty
        Set-BorgStoreServerUser anna -Password (ConvertTo-Secure other) -Admin @files -WhatIf
        Remove-BorgStoreServerUser anna @files -WhatIf
        (Get-Content $files.UserFile -Raw) + (Get-Content $files.RightsFile -Raw) | Should -BeExactly $before
    }

    It 'keep their password when only their rights change, and the reverse' {
        $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) -Store photos -Permission all @files
        $line, $rights = (Get-Content $files.UserFile -Raw), (Get-Content $files.RightsFile -Raw)
        Set-BorgStoreServerUser anna -Password (ConvertTo-Secure other) @files
        Get-Content $files.UserFile -Raw | Should -Not -Be $line
        Get-Content $files.RightsFile -Raw | Should -Be $rights
        $line = Get-Content $files.UserFile -Raw
        Set-BorgStoreServerUser anna -Store music -Permission read-only @files
        Get-Content $files.UserFile -Raw | Should -Be $line
    }

    It 'cause an error that says what to do: <Expected>' -ForEach @(
        @{ Expected = "The user 'anna' already exists. Change the user with 'Set-BorgStoreServerUser'*"; Id = 'ObjectAlreadyExists'; Command = { New-BorgStoreServerUser anna -Password $password @files } }
        @{ Expected = "There is no user 'ben' in*users'*"; Id = 'ObjectNotFound'; Command = { Set-BorgStoreServerUser ben -Password $password @files } }
        @{ Expected = "There is no user 'ben' in*"; Id = 'ObjectNotFound'; Command = { Set-BorgStoreServerUser ben -Admin @files } }
        @{ Expected = "There is no user 'ben' in*"; Id = 'ObjectNotFound'; Command = { Remove-BorgStoreServerUser ben @files } }
        @{ Expected = "There is no user or token 'ben'.*"; Id = 'ObjectNotFound'; Command = { Get-BorgStoreServerUser ben @files } }
        @{ Expected = "There is no token 'anna'*New-BorgStoreServerUser*"; Id = 'ObjectNotFound'; Command = { Set-BorgStoreServerUser anna -NewToken @files } }
        @{ Expected = '*nothing to change*-Password*'; Id = 'InvalidArgument'; Command = { Set-BorgStoreServerUser anna @files } }
        @{ Expected = '*password is empty*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password ([securestring]::new()) @files } }
        @{ Expected = '*longer than 72 bytes*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password (ConvertTo-Secure ('x' * 73)) @files } }
        @{ Expected = '*line break*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password (ConvertTo-Secure "a`nb") @files } }
        @{ Expected = "*contains a ':'*"; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser b:en -Password $password @files } }
        @{ Expected = "*begins with '-'*"; Id = 'InvalidArgument'; Command = { Remove-BorgStoreServerUser '--users=x' @files } }
        @{ Expected = '*-Store*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Permission all @files } }
        @{ Expected = '*-Permission*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Store photos @files } }
        @{ Expected = "'al' is not a permission. Specify one of all, no-delete*"; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Store photos -Permission al @files } }
        @{ Expected = "*'pho tos' matches no store*letters, digits*"; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Store 'pho tos' -Permission all @files } }
        @{ Expected = '*-RightsFile*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Store photos -Permission all -UserFile $files.UserFile } }
        @{ Expected = '*-RightsFile*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Token -UserFile $files.UserFile } }
        @{ Expected = '*-UserFile*-Token*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -RightsFile $files.RightsFile } }
        @{ Expected = 'Only tokens expire*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -ExpiresAfter 1d @files } }
        @{ Expected = '*2020*has passed*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Token -Expires '2020-01-01' @files } }
        @{ Expected = '*-Expires or -ExpiresAfter*'; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Token -Expires '2999-01-01' -ExpiresAfter 1d @files } }
        @{ Expected = "*'-Expires' is for tokens*"; Id = 'InvalidArgument'; Command = { Set-BorgStoreServerUser anna -ExpiresAfter 1d @files } }
        @{ Expected = "*no group 'office'*docs/users.md*"; Id = 'InvalidArgument'; Command = { New-BorgStoreServerUser ben -Password $password -Group office @files } }
        @{ Expected = "*no rule for the stores 'music'*"; Id = 'InvalidArgument'; Command = { Set-BorgStoreServerUser anna -RemoveStore music @files } }
        @{ Expected = 'No server with users runs*-UserFile*'; Id = 'InvalidArgument'; Command = { Get-BorgStoreServerUser } }
        @{ Expected = '-UserFile is empty*'; Id = 'InvalidArgument'; Command = { Get-BorgStoreServerUser -UserFile '' } }
        @{ Expected = "*users.none' can't be read*"; Id = 'InvalidArgument'; Command = { Get-BorgStoreServerUser -UserFile "$($files.UserFile).none" } }
    ) {
        $password = ConvertTo-Secure geheim
        $null = New-BorgStoreServerUser anna -Password $password -Store photos -Permission all @files
        $before = (Get-Content $files.UserFile -Raw) + (Get-Content $files.RightsFile -Raw)
        Get-ErrorText $Command | Should -BeLike $Expected
        Get-ErrorId $Command | Should -Be $Id
        (Get-Content $files.UserFile -Raw) + (Get-Content $files.RightsFile -Raw) | Should -BeExactly $before
    }

    It 'are still handled after one that is wrong' {
        $null = 'a', 'b:', 'c' | New-BorgStoreServerUser -Token -RightsFile $files.RightsFile -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems | Should -HaveCount 1
        'a', 'x', 'c' | Remove-BorgStoreServerUser -RightsFile $files.RightsFile -ErrorAction SilentlyContinue
        Get-BorgStoreServerUser -RightsFile $files.RightsFile | Should -BeNullOrEmpty
    }

    It 'are not changed if a file has a mistake, which the error names' {
        Set-Content $files.RightsFile '{ "userz": {} }'
        Get-ErrorText { New-BorgStoreServerUser ben -Token @files } | Should -BeLike "*rights.json' is not valid: line 1: there is no property 'userz'*"
        Get-Content $files.RightsFile | Should -Be '{ "userz": {} }'
    }
}

Describe 'A server with many stores' {
    BeforeEach { $files = New-TestFiles }
    AfterEach {
        Close-AllStore
        Get-BorgStoreServer | Stop-BorgStoreServer
    }

    It 'takes all its options' {
        $folder = Split-Path $files.UserFile
        $anna = New-TestCredential anna geheim
        $null = New-BorgStoreServerUser -Credential $anna -Admin @files
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $port = $listener.LocalEndpoint.Port
        $listener.Stop()
        $server = Start-TestServer $files @{
            Depth = 2; PrivateRepositories = $true; AppendOnly = $true; IdleTimeout = '5m'; MaxOpenStores = 3; TrustedProxy = '127.0.0.1', '10.0.0.0/8'
            MetricsListen = $port; AccessLog = "$folder/access.log"; AuditLog = "$folder/audit.log"; LogMaxSize = 1MB; LogKeep = 2; Page = $true; Quota = 1MB
            ProxyUserHeader = 'X-Forwarded-User'; ContentHash = 'packs=sha256'; Metrics = $true; MetricsByUser = $true; AccessLogFormat = 'Combined'
        }
        $server.StoreUri | Should -Be ([uri]::new("$folder/stores").AbsoluteUri)
        $store = New-BorgStore "$($server.Uri)/anna/laptop" -Namespace @{ data = 0; packs = 0 } -Credential $anna
        Set-BorgStoreItem data/a -Value '1'
        Get-ErrorText { Set-BorgStoreItem "packs/$('0' * 64)" -Value '1' } | Should -BeLike '*hash*'
        Get-ErrorId { Remove-BorgStoreItem data/a } | Should -Be 'PermissionDenied'
        $store | Close-BorgStore
        Join-Path $folder stores/anna/laptop/data/a | Should -Exist
        (Invoke-WebRequest "http://127.0.0.1:$port/-/metrics").StatusCode | Should -Be 200
        (Invoke-WebRequest "$($server.Uri)/-/metrics" -Credential $anna -AllowUnencryptedAuthentication -Headers @{ 'X-Forwarded-User' = 'anna' }).Content | Should -BeLike '*user="anna"*'
        (Invoke-WebRequest "$($server.Uri)/-/" -SkipHttpErrorCheck).StatusCode | Should -Be 200
        Stop-BorgStoreServer
        Get-Content "$folder/audit.log" -Raw | Should -BeLike '*anna*data/a*'
        Get-Content "$folder/access.log" | Where-Object { $_ -like '* - anna `[*POST /anna/laptop/data/a*' } | Should -Not -BeNullOrEmpty
    }

    It 'reports mistakes by the names of the parameters' {
        Get-ErrorText { Start-BorgStoreServer -Root "$(Split-Path $files.UserFile)/none" -Port 0 } | Should -BeLike '*none*is not a folder. Create it*'
        Get-ErrorText { Start-TestServer @{ UserFile = $files.UserFile } } | Should -BeLike "*users' can't be read*"
        $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) -Store photos -Permission all @files
        Get-ErrorText { Start-TestServer $files @{ Depth = 2 } } | Should -BeLike "*'photos' matches no store*'-Depth' is 2*"
        Get-ErrorText { Start-TestServer $files @{ ClientAuthority = $files.UserFile } } | Should -BeLike "*'-ClientAuthority' needs '-Certificate'*"
        Get-ErrorText { Start-TestServer $files @{ ClientCertificate = 'Also' } } | Should -BeLike "*'-ClientCertificate' needs '-ClientAuthority'*"
        Get-ErrorText { Start-TestServer $files @{ Credential = (New-TestCredential a b) } } | Should -BeLike '*-Credential*New-BorgStoreServerUser*'
        Get-ErrorText { Start-TestServer $files @{ IdleTimeout = [timespan]::Zero } } | Should -BeLike '*-IdleTimeout*one second*'
        Get-ErrorText { Start-TestServer $files @{ TlsMinVersion = '1.3' } } | Should -BeLike "*'-TlsMinVersion' needs '-Certificate'*"
        Get-ErrorText { Start-TestServer $files @{ MetricsListen = 'x' } } | Should -BeLike "*'-MetricsListen x' is neither*"
        Get-BorgStoreServer | Should -BeNullOrEmpty
    }

    It 'keeps the secret in the URL of its root out of the list of processes' -Skip:(-not $IsLinux) {
        $server = Start-BorgStoreServer -Root 's3:key:geheim@http://127.0.0.1:1/bucket/stores' -Port 0
        $server.StoreUri | Should -BeLike 's3:*bucket/stores'
        $server.StoreUri | Should -Not -BeLike '*geheim*'
        Get-Content "/proc/$($server.Process.Id)/cmdline" -Raw | Should -Not -BeLike '*geheim*'
    }

    It 'needs no warning with users' {
        $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) @files
        $null = Start-BorgStoreServer -Root "$(Split-Path $files.UserFile)/stores" -Port 0 -UserFile $files.UserFile -ListenAddress 0.0.0.0 -WarningVariable clear -WarningAction SilentlyContinue
        $clear | Should -BeLike '*-Certificate*'
        $null = Start-BorgStoreServer -Root "$(Split-Path $files.UserFile)/stores" -Port 0 -ListenAddress 0.0.0.0 -WarningVariable open -WarningAction SilentlyContinue
        $open | Should -BeLike '*the stores in*-UserFile*'
    }

    It 'is one of several whose files must be named' {
        $others = New-TestFiles
        foreach ($one in $files, $others) {
            $null = New-BorgStoreServerUser anna -Password (ConvertTo-Secure geheim) -Admin @one
            $null = Start-TestServer $one
        }
        Get-ErrorText { Get-BorgStoreServerUser } | Should -BeLike '2 servers with users*-UserFile*'
        (Get-BorgStoreServer)[0] | Get-BorgStoreServerUser | ForEach-Object UserFile | Should -Be $files.UserFile
    }
}
