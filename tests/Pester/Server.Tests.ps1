BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    function New-TestCredential([string] $Name, [string] $Password) {
        [pscredential]::new($Name, (ConvertTo-SecureString $Password -AsPlainText -Force))
    }

    # Runs a script in its own PowerShell process with the module loaded.
    function Start-Shell([string] $Script, [hashtable] $Environment = @{}) {
        $start = [Diagnostics.ProcessStartInfo]::new('pwsh')
        '-NoProfile', '-NonInteractive', '-Command', "`$ErrorActionPreference = 'Stop'; Import-Module '$modulePath'; $Script" | ForEach-Object { $start.ArgumentList.Add($_) }
        $Environment.GetEnumerator() | ForEach-Object { $start.Environment[$_.Key] = $_.Value }
        $start.RedirectStandardOutput = $true
        [Diagnostics.Process]::Start($start)
    }

    function Wait-Until([scriptblock] $Condition) {
        $deadline = [DateTime]::UtcNow.AddSeconds(30)
        while (-not (& $Condition)) {
            if ([DateTime]::UtcNow -gt $deadline) { throw "Not within 30 s: $Condition" }
            Start-Sleep -Milliseconds 20
        }
    }

    function Test-Running([int] $Id) {
        $null -ne (Get-Process -Id $Id -ErrorAction Ignore)
    }
}

Describe 'A server' {
    AfterEach {
        Close-AllStore
        Get-BorgStoreServer | Stop-BorgStoreServer
    }

    It 'listens on a free port once Start-BorgStoreServer returns, and serves the store' {
        $uri = New-TestUri
        $server = Start-BorgStoreServer $uri -Port 0
        $server.Id | Should -BeGreaterThan 0
        $server.Uri | Should -Match '^http://127\.0\.0\.1:[1-9]\d*$'
        $server.StoreUri | Should -Be $uri
        $server.IsRunning | Should -BeTrue
        $server.Process.HasExited | Should -BeFalse

        $null = New-BorgStore $server.Uri -Namespace @{ config = 0 }
        Set-BorgStoreItem config/main -Value 'abc'
        Get-BorgStoreItemContent config/main -AsString | Should -Be 'abc'
        Get-BorgStoreItemContent config/main -AsString -Store $uri | Should -Be 'abc'
    }

    It 'is listed by Get-BorgStoreServer, alone or with others' {
        $one = Start-BorgStoreServer (New-TestUri) -Port 0
        $two = Start-BorgStoreServer (New-TestUri) -Port 0
        Get-BorgStoreServer | Should -Be $one, $two
        Get-BorgStoreServer $two.Id | Should -Be $two
        Get-ErrorId { Get-BorgStoreServer 99999 } | Should -Be 'ObjectNotFound'
        Get-ErrorText { Get-BorgStoreServer 99999 } | Should -BeLike "No server 99999 *$($one.Id), $($two.Id)*"
        (TabExpansion2 'Stop-BorgStoreServer -Id ').CompletionMatches.CompletionText | Should -Be $one.Id, $two.Id
        $two | Out-String | Should -BeLike "*$($two.Uri)*True*$($two.Process.Id)*"
        $two | Format-List | Out-String | Should -BeLike '*Permission*all*'
    }

    It 'enforces -Permission, also as a map' {
        $uri = New-TestUri
        $null = New-BorgStore $uri -Namespace @{ config = 0; open = 0 }
        Set-BorgStoreItem config/main -Value 'abc'
        Close-BorgStore
        $readOnly = Start-BorgStoreServer $uri -Port 0 -Permission read-only
        Get-BorgStoreItemContent config/main -AsString -Store $readOnly.Uri | Should -Be 'abc'
        Get-ErrorId { Remove-BorgStoreItem config/main -Store $readOnly.Uri } | Should -Be 'PermissionDenied'
        $mixed = Start-BorgStoreServer $uri -Port 0 -Permission @{ '' = 'lr'; open = 'lrwWD' }
        $null = Open-BorgStore $mixed.Uri -Namespace @{ config = 0; open = 0 }
        Set-BorgStoreItem open/x -Value 'x'
        Get-ErrorId { Set-BorgStoreItem config/x -Value 'x' } | Should -Be 'PermissionDenied'
    }

    It 'enforces -Quota' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0 -Quota 1KB
        $null = New-BorgStore $server.Uri -Namespace @{ data = 0 }
        Set-BorgStoreItem data/fits -Value ('x' * 1000)
        Get-ErrorId { Set-BorgStoreItem data/large -Value ('x' * 1000) } | Should -Be 'QuotaExceeded'
        Get-BorgStoreQuota | ForEach-Object Limit | Should -Be 1024
    }

    It 'requires the user of -Credential and never shows the password' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0 -Credential (New-TestCredential anna 'ge heim') -LogLevel Debug
        $null = New-BorgStore $server.Uri -Namespace @{ data = 0 } -Credential (New-TestCredential anna 'ge heim')
        Set-BorgStoreItem data/x -Value 'x'
        Close-AllStore
        Get-ErrorId { Open-BorgStore $server.Uri -Credential (New-TestCredential anna 'wrong') } | Should -Be 'AuthenticationFailed'
        Get-ErrorId { Open-BorgStore $server.Uri -Credential (New-TestCredential otto 'ge heim') } | Should -Be 'AuthenticationFailed'
        Get-ErrorId { Open-BorgStore $server.Uri } | Should -Be 'AuthenticationFailed'
        $log = Get-BorgStoreServer -Verbose 4>&1 | Out-String
        $log | Should -BeLike '*-> 401*'
        $log | Should -Not -BeLike '*ge heim*'
        $server | Format-List * | Out-String | Should -Not -BeLike '*ge heim*'
        if ($IsLinux) { Get-Content "/proc/$($server.Process.Id)/cmdline" -Raw | Should -Not -BeLike '*ge heim*' }
    }

    It 'never shows the secret in the URL of its store' {
        $server = Start-BorgStoreServer 's3:key:geheim@http://127.0.0.1:1/bucket/store' -Port 0 -Verbose 4>&1 | Where-Object { $_ -isnot [Management.Automation.VerboseRecord] }
        $server.StoreUri | Should -BeLike 's3:*bucket/store'
        $server | Format-List * | Out-String | Should -Not -BeLike '*geheim*'
        if ($IsLinux) { Get-Content "/proc/$($server.Process.Id)/cmdline" -Raw | Should -Not -BeLike '*geheim*' }
    }

    It 'is used through a URL with a password or the store object' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0 -Credential (New-TestCredential anna geheim)
        $store = New-BorgStore $server.Uri.Replace('//', '//anna:geheim@') -Namespace @{ data = 0 }
        $store.Uri | Should -Not -BeLike '*geheim*'
        Set-BorgStoreItem data/a -Value '1' -Store $store.Uri
        Test-BorgStore $store -Quiet | Should -BeTrue
        Remove-BorgStore $store -Force
        Get-ErrorId { Open-BorgStore $server.Uri.Replace('//', '//anna:geheim@') -ErrorAction Stop } | Should -Be 'StoreDoesNotExist'
    }

    It 'rejects a credential without a password' {
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -Credential ([pscredential]::new('anna', [securestring]::new())) } | Should -BeLike '*no password*'
    }

    It 'writes each line of its log once to the verbose stream with -Verbose' {
        $uri = New-TestUri
        New-BorgStore $uri -Namespace @{ data = 0 } | Close-BorgStore
        $started = Start-BorgStoreServer $uri -Port 0 -LogLevel Debug -Verbose 4>&1
        $started | Out-String | Should -BeLike '*listening on http://*'
        $server = $started | Where-Object { $_ -isnot [Management.Automation.VerboseRecord] }
        $null = Test-BorgStore $server.Uri
        Get-BorgStoreServer 4>&1 | Should -Be $server
        # The server writes a line after sending the response, so some lines arrive later.
        $records = [Collections.Generic.List[string]]::new()
        Wait-Until {
            Get-BorgStoreServer -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] } | ForEach-Object { $records.Add($_) }
            $records -like '*HEAD / -> 200*'
        }
        $records | Should -Not -BeLike '*listening*'
        Get-BorgStoreServer -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] } | ForEach-Object { $records.Add($_) }
        ($records | Select-Object -Unique).Count | Should -Be $records.Count
    }

    # Wine cannot create certificates for elliptic curve keys.
    It 'serves HTTPS with a certificate, optionally with a password' -Skip:([bool] $env:BORGSTORE_TEST_WINE) {
        $key = [Security.Cryptography.ECDsa]::Create()
        $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new('CN=localhost', $key, 'SHA256')
        $names = [Security.Cryptography.X509Certificates.SubjectAlternativeNameBuilder]::new()
        $names.AddDnsName('localhost')
        $request.CertificateExtensions.Add($names.Build())
        $certificate = $request.CreateSelfSigned([DateTimeOffset]::Now.AddDays(-1), [DateTimeOffset]::Now.AddDays(30))
        [IO.File]::WriteAllBytes((Join-Path $TestDrive own.pfx), $certificate.Export('Pfx', 'pass word'))
        Set-Content (Join-Path $TestDrive own.pem) $certificate.ExportCertificatePem()
        Set-Content (Join-Path $TestDrive own.key) $key.ExportPkcs8PrivateKeyPem()

        $password = ConvertTo-SecureString 'pass word' -AsPlainText -Force
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -Certificate TestDrive:/own.pfx } | Should -BeLike 'The server did not start: *'
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -CertificateKey TestDrive:/own.key } | Should -BeLike '*-Certificate*'
        $pfx = Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress localhost -Certificate TestDrive:/own.pfx -CertificatePassword $password
        $pem = Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress localhost -Certificate TestDrive:/own.pem -CertificateKey TestDrive:/own.key
        foreach ($server in $pfx, $pem) {
            $server.Uri | Should -BeLike 'https://*'
            (Invoke-WebRequest "$($server.Uri)/" -SkipCertificateCheck -SkipHttpErrorCheck).StatusCode | Should -Be 406
        }
    }

    It 'causes a warning if it is open to strangers' {
        $null = Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress 0.0.0.0 -WarningVariable open -WarningAction SilentlyContinue
        $open | Should -BeLike '*-Credential*'
        $null = Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress 0.0.0.0 -Credential (New-TestCredential a b) -WarningVariable clear -WarningAction SilentlyContinue
        $clear | Should -BeLike '*-Certificate*'
        $null = Start-BorgStoreServer (New-TestUri) -Port 0 -WarningVariable none -WarningAction SilentlyContinue
        $none | Should -BeNullOrEmpty
        (Get-BorgStoreServer)[0].Uri | Should -BeLike 'http://127.0.0.1:*'
    }

    It 'is not started with -WhatIf' {
        Start-BorgStoreServer (New-TestUri) -Port 0 -WhatIf | Should -BeNullOrEmpty
        Get-BorgStoreServer | Should -BeNullOrEmpty
    }
}

Describe 'A failing start' {
    AfterEach { Get-BorgStoreServer | Stop-BorgStoreServer }

    It 'reports the error of the server' {
        Get-ErrorText { Start-BorgStoreServer 'nix://user:geheim@host/x' -Port 0 } | Should -BeLike "The server did not start: 'nix:*' is not the URL of a store: its scheme is not supported.*"
        Get-ErrorText { Start-BorgStoreServer 'nix://user:geheim@host/x' -Port 0 } | Should -Not -BeLike '*geheim*'
        Get-ErrorId { Start-BorgStoreServer 'nix://host/x' -Port 0 } | Should -Be 'InvalidArgument'
        Get-ErrorText { Start-BorgStoreServer 'sftp://host/x' -Port 0 -Quota 1KB } | Should -BeLike '*quota*only*file store*'
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -ListenAddress 'no host' } | Should -BeLike "*'-ListenAddress no host' is neither an address*"
        Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port 0 -Certificate TestDrive:/none.pem } | Should -BeLike '*none.pem*'
        Get-BorgStoreServer | Should -BeNullOrEmpty
    }

    It 'reports that the port is in use' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0
        $text = Get-ErrorText { Start-BorgStoreServer (New-TestUri) -Port ([uri] $server.Uri).Port }
        $text | Should -BeLike "*127.0.0.1, port $(([uri] $server.Uri).Port)*another program is already listening there*"
        Get-BorgStoreServer | Should -Be $server
    }

    It 'reports what to install if ASP.NET Core is missing' -Skip:(-not $IsLinux) {
        # A .NET without ASP.NET Core, made of links to the real one.
        $dotnet = (Get-Command dotnet -ErrorAction Ignore).Source
        if (-not $dotnet) { Set-ItResult -Skipped -Because 'there is no dotnet on the PATH' }
        $real = Split-Path ((Get-Item $dotnet).ResolveLinkTarget($true) ?? (Get-Item $dotnet)).FullName
        $bare = Join-Path $TestDrive bare
        $null = New-Item "$bare/shared" -ItemType Directory
        Copy-Item "$real/dotnet" $bare
        $null = New-Item "$bare/host" -ItemType SymbolicLink -Target "$real/host"
        $null = New-Item "$bare/shared/Microsoft.NETCore.App" -ItemType SymbolicLink -Target "$real/shared/Microsoft.NETCore.App"
        $shell = Start-Shell 'try { Start-BorgStoreServer file:///nowhere -Port 0 } catch { $_.FullyQualifiedErrorId; "$_" }' @{ DOTNET_ROOT = $bare }
        $shell.StandardOutput.ReadToEnd() | Should -BeLike 'NotSupported*Install the ASP.NET Core Runtime 10*'
    }
}

Describe 'Server shutdown' {
    AfterEach {
        Close-AllStore
        Get-BorgStoreServer | Stop-BorgStoreServer
    }

    It 'works by pipeline, by Id, or without arguments if only one server runs' {
        $servers = 1..4 | ForEach-Object { Start-BorgStoreServer (New-TestUri) -Port 0 }
        $servers[0] | Stop-BorgStoreServer
        Stop-BorgStoreServer $servers[1].Id
        Get-BorgStoreServer | Should -Be $servers[2, 3]
        Get-ErrorText { Stop-BorgStoreServer } | Should -BeLike '2 servers run*-Id*'
        Stop-BorgStoreServer $servers[2]
        Stop-BorgStoreServer
        Get-BorgStoreServer | Should -BeNullOrEmpty
        $servers.IsRunning | Should -Not -Contain $true
        $servers | ForEach-Object { Test-Running $_.Process.Id } | Should -Not -Contain $true
        $servers | Stop-BorgStoreServer
        Get-ErrorId { Stop-BorgStoreServer } | Should -Be 'ObjectNotFound'
        Get-ErrorId { Stop-BorgStoreServer -Id $servers[0].Id } | Should -Be 'ObjectNotFound'
    }

    It 'does not happen with -WhatIf or for an empty variable' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0
        Stop-BorgStoreServer -WhatIf
        { Stop-BorgStoreServer $none } | Should -Throw
        $server.IsRunning | Should -BeTrue
    }

    It 'waits for running requests unless -Force is given' {
        $uri = New-TestUri
        New-BorgStore $uri -Namespace @{ data = 0 } | Close-BorgStore
        foreach ($force in $false, $true) {
            $server = Start-BorgStoreServer $uri -Port 0 -LogLevel Debug
            # The first half of a value; the second is sent while the server is stopping.
            $half = [byte[]]::new(1MB)
            $client = [Net.Sockets.TcpClient]::new('127.0.0.1', ([uri] $server.Uri).Port)
            $line = $client.GetStream()
            $line.ReadTimeout = 30000
            $line.Write([Text.Encoding]::ASCII.GetBytes("POST /data/slow-$([int] $force) HTTP/1.1`r`nHost: x`r`nAccept: application/vnd.x.borgstore.rest.v1`r`nContent-Length: 2097152`r`n`r`n"))
            $line.Write($half)
            Wait-Until { Get-ChildItem ([uri] $uri).LocalPath -Recurse -Filter '*.tmp' }
            if ($force) {
                Stop-BorgStoreServer -Force
                Test-Path (Join-Path ([uri] $uri).LocalPath 'data/slow-1') | Should -BeFalse
                continue
            }
            $second = [powershell]::Create().AddScript({
                    param($line, $half, $port)
                    # The server is stopping once it refuses connections.
                    while ($true) {
                        try { [Net.Sockets.TcpClient]::new('127.0.0.1', $port).Dispose() } catch { break }
                        Start-Sleep -Milliseconds 20
                    }
                    $line.Write($half)
                    $buffer = [byte[]]::new(1000)
                    [Text.Encoding]::ASCII.GetString($buffer, 0, $line.Read($buffer))
                }).AddArgument($line).AddArgument($half).AddArgument(([uri] $server.Uri).Port)
            $answer = $second.BeginInvoke()
            Stop-BorgStoreServer
            $second.EndInvoke($answer) | Should -BeLike 'HTTP/1.1 200*'
            (Get-BorgStoreItem data/slow-0 -Store $uri).Size | Should -Be 2MB
        }
    }

    It 'causes a warning if it was unexpected' {
        $server = Start-BorgStoreServer (New-TestUri) -Port 0
        Stop-Process $server.Process -Force
        Wait-Until { -not $server.IsRunning }
        $told = [Collections.Generic.List[string]]::new()
        Wait-Until { Get-BorgStoreServer -WarningVariable found -WarningAction SilentlyContinue; $found | ForEach-Object { $told.Add($_) }; $told.Count }
        $told | Should -BeLike "The server $($server.Id) on $($server.Uri) stopped unexpectedly: status *"
    }

    It 'happens at the end of the session: <Ending>' -ForEach @(
        @{ Ending = 'the module is removed'; Script = 'Remove-Module BorgStore; "removed"; Start-Sleep 60' }
        @{ Ending = 'exit'; Script = 'exit' }
        @{ Ending = 'kill -9'; Script = 'Start-Sleep 60' }
    ) {
        $shell = Start-Shell "(Start-BorgStoreServer $(New-TestUri) -Port 0).Process.Id; $Script"
        try {
            $id = [int] $shell.StandardOutput.ReadLine()
            $id | Should -BeGreaterThan 0
            if ($Ending -eq 'kill -9') { Stop-Process $shell -Force }
            elseif ($Ending -ne 'exit') { $shell.StandardOutput.ReadLine() | Should -Be 'removed' }
            Wait-Until { -not (Test-Running $id) }
        }
        finally {
            if (-not $shell.HasExited) { Stop-Process $shell -Force }
        }
    }
}
