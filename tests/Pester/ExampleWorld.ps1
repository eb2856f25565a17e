<#
.SYNOPSIS
    The world in which the examples of the help and the documentation run, and the code that runs them.
.DESCRIPTION
    To be dot-sourced after TestStore.ps1. Each example gets a fresh world, and a session of its own with strict mode in which errors stop.

    A folder replaces the root of the file system: /srv, /var and /tmp in URLs are there. Nothing else in an example is changed.

        file:///srv/store    config = 0: main ('color = blue'), part1, part2, draft-1, draft-2, photo1, old.bak,
                             and gone, which is soft-deleted
                             data = 2: values named by their SHA256
        file:///srv/copy     the same namespaces with other items
        file:///srv/old      likewise
        file:///srv/backup   a repository of Borg 2.0.0b25, or the one chosen with Set-ExampleRepository
        the working folder   one.bin, two.bin, main.conf, photo.jpg, host.pem (a certificate with its key)
        nas.example.org      this machine: over sftp with ssh's own configuration, and over https, as the user backup

    The store file:///srv/store is open, unless the example opens or creates one. A store that an example creates with New-BorgStore
    does not exist before. A server is running if an example lists or stops servers that it did not start. Prompts are answered with
    yes and the password.
#>
Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

// Answers prompts with yes and the password.
public sealed class WillingHost : PSHost
{
    private readonly WillingUser _user;

    public WillingHost(SecureString password) => _user = new WillingUser(password);

    public override string Name => "WillingHost";
    public override Version Version => new Version(1, 0);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override PSHostUserInterface UI => _user;
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;
    public override void EnterNestedPrompt() => throw new NotSupportedException();
    public override void ExitNestedPrompt() => throw new NotSupportedException();
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }
}

public sealed class WillingUser : PSHostUserInterface
{
    private readonly SecureString _password;

    public WillingUser(SecureString password) => _password = password;

    // Text displayed outside the pipeline, such as that of -WhatIf.
    public StringBuilder Shown { get; } = new StringBuilder();
    public override PSHostRawUserInterface RawUI => null;
    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) => 0;
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => new PSCredential(userName, _password);
    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes types, PSCredentialUIOptions options)
        => new PSCredential(userName, _password);
    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw new NotSupportedException(message);
    public override string ReadLine() => throw new NotSupportedException();
    public override SecureString ReadLineAsSecureString() => _password.Copy();
    public override void Write(string value) => Shown.Append(value);
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Shown.Append(value);
    public override void WriteLine(string value) => Shown.AppendLine(value);
    public override void WriteErrorLine(string value) { }
    public override void WriteDebugLine(string message) { }
    public override void WriteProgress(long sourceId, ProgressRecord record) { }
    public override void WriteVerboseLine(string message) { }
    public override void WriteWarningLine(string message) { }
}
'@

# Creates the world in which every example starts, in a folder. $Secret is the password of the user backup.
function New-ExampleWorld([string] $Folder, [securestring] $Secret) {
    $world = @{ Template = "$Folder/template"; Root = "$Folder/root"; Servers = "$Folder/servers"; Secret = $Secret; Missing = @{} }
    $work = New-Item "$($world.Template)/work" -ItemType Directory -Force
    Set-Content "$work/one.bin" 'value 1' -NoNewline
    Set-Content "$work/two.bin" 'value 2' -NoNewline
    Set-Content "$work/main.conf" 'color = blue' -NoNewline
    Set-Content "$work/photo.jpg" ([byte[]] (1..100)) -AsByteStream

    $null = New-Item "$($world.Template)/srv", "$($world.Template)/var/cache", "$($world.Template)/tmp" -ItemType Directory
    foreach ($name in 'store', 'copy', 'old') {
        $store = New-BorgStore ([uri]::new("$($world.Template)/srv/$name").AbsoluteUri) -Namespace @{ config = 0; data = 2 }
        if ($name -eq 'store') {
            Set-BorgStoreItem config/gone -Value 'g' -Store $store
            Remove-BorgStoreItem config/gone -Soft -Store $store
            @{ main = 'color = blue'; part1 = 'one'; part2 = 'two'; 'draft-1' = 'a'; 'draft-2' = 'b'; photo1 = 'p'; 'old.bak' = 'o' }.GetEnumerator() |
                ForEach-Object { [pscustomobject]@{ Name = "config/$($_.Key)"; Value = $_.Value } } | Set-BorgStoreItem -Store $store
        }
        else { Set-BorgStoreItem "config/$name" -Value $name -Store $store }
        foreach ($number in 1..3) {
            $file = New-Item "$Folder/$name-$number" -Value "$name $number"
            $file | Set-BorgStoreItem -Namespace data -ContentHash SHA256 -Store $store
        }
        $store | Close-BorgStore
    }
    Set-ExampleRepository $world borg-b25
    # Lets sessions that an example creates find the installed module by its name.
    $world.ModulePath = $env:PSModulePath
    if (-not $env:BORGSTORE_MODULE) {
        # A link, because PowerShell searches a folder of modules as a whole, and the one of the build has much more in it.
        $type = $IsWindows ? 'Junction' : 'SymbolicLink'
        $link = New-Item (Join-Path $Folder modules/BorgStore) -ItemType $type -Target (Get-Module BorgStore).ModuleBase -Force
        $env:PSModulePath = (Split-Path $link) + [IO.Path]::PathSeparator + $env:PSModulePath
    }
    if ($env:BORGSTORE_TEST_WINE) { $world.Missing.https = 'Wine makes no certificates for keys on elliptic curves' } else { Add-Certificate $world }
    Start-ExampleServer $world
    $world
}

# Replaces the repository at file:///srv/backup with one of the golden ones.
function Set-ExampleRepository([hashtable] $World, [string] $Golden) {
    $folder = "$($World.Template)/srv/backup"
    if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
    $null = New-Item $folder -ItemType Directory
    Expand-GoldenStore $Golden $folder
}

# Creates a certificate for localhost that the client trusts.
function Add-Certificate([hashtable] $World) {
    $key = [Security.Cryptography.ECDsa]::Create()
    $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new('CN=localhost', $key, 'SHA256')
    $names = [Security.Cryptography.X509Certificates.SubjectAlternativeNameBuilder]::new()
    $names.AddDnsName('localhost')
    $request.CertificateExtensions.Add($names.Build())
    $certificate = $request.CreateSelfSigned([DateTimeOffset]::Now.AddDays(-1), [DateTimeOffset]::Now.AddDays(30))
    Set-Content "$($World.Template)/work/host.pem" $certificate.ExportCertificatePem(), $key.ExportPkcs8PrivateKeyPem()
    $env:BORGSTORE_REST_CA_FILE = "$($World.Template)/work/host.pem"
}

# Starts the machine nas.example.org: a REST server with its own store, and an SFTP server for all files.
function Start-ExampleServer([hashtable] $World) {
    $null = New-Item $World.Servers -ItemType Directory
    Copy-Folder "$($World.Template)/srv/copy" "$($World.Servers)/store"
    if (-not $World.Missing.https) {
        $World.Rest = Start-BorgStoreServer ([uri]::new("$($World.Servers)/store").AbsoluteUri) -Port 0 -ListenAddress localhost `
            -Credential ([pscredential]::new('backup', $World.Secret)) -Certificate "$($World.Template)/work/host.pem"
        $World.Https = $World.Rest.Uri -replace '127\.0\.0\.1', 'localhost'
    }

    $sshd = '/usr/sbin/sshd'
    if (-not (Test-Path $sshd)) { $World.Missing.sftp = "there is no $sshd; install openssh-server"; return }
    $folder = New-Item "$($World.Servers)/ssh" -ItemType Directory
    foreach ($name in 'host', 'user') { ssh-keygen -q -t ed25519 -N '' -f "$folder/$name" }
    $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $port = $listener.LocalEndpoint.Port
    $listener.Stop()
    Set-Content "$folder/sshd" @"
ListenAddress 127.0.0.1:$port
HostKey $folder/host
PidFile none
AuthorizedKeysFile $folder/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
"@
    Set-Content "$folder/known" "[127.0.0.1]:$port $((Get-Content "$folder/host.pub") -replace '^(\S+ \S+).*', '$1')"
    Set-Content "$folder/config" @"
Host nas.example.org
  HostName 127.0.0.1
  Port $port
  IdentityFile $folder/user
  IdentitiesOnly yes
  UserKnownHostsFile $folder/known
"@
    if ([Environment]::UserName -eq 'root') { $null = New-Item /run/sshd -ItemType Directory -Force }
    $World.Sshd = Start-Process $sshd '-D', '-e', '-f', "$folder/sshd" -PassThru -RedirectStandardError "$folder/log"
    $env:BORGSTORE_RSH = "ssh -F $folder/config"
    $deadline = [DateTime]::UtcNow.AddSeconds(20)
    while ($true) {
        try { [Net.Sockets.TcpClient]::new('127.0.0.1', $port).Dispose(); break }
        catch { if ([DateTime]::UtcNow -gt $deadline) { throw "sshd does not start: $(Get-Content "$folder/log" -Raw)" } }
        Start-Sleep -Milliseconds 20
    }
}

function Remove-ExampleWorld([hashtable] $World) {
    if ($World.Sshd) { Stop-Process $World.Sshd }
    if ($World.Rest) { Stop-BorgStoreServer $World.Rest }
    $env:PSModulePath = $World.ModulePath
    $env:BORGSTORE_RSH = $null
    $env:BORGSTORE_REST_CA_FILE = $null
}

# Returns the calls of commands in a piece of code.
function Get-Call([string] $Code) {
    $errors = $null
    $ast = [Management.Automation.Language.Parser]::ParseInput($Code, [ref] $null, [ref] $errors)
    if ($errors) { throw "This does not parse: $($errors[0].Message)`n$Code" }
    $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)
}

# Returns why a piece of code cannot be run on this machine, or nothing.
function Get-Obstacle([string] $Code, [hashtable] $World) {
    $names = (Get-Call $Code).ForEach({ $_.GetCommandName() })
    foreach ($name in $names) {
        if ($name -like 'Install-*' -or $name -eq 'dotnet' -or $name -like '*build.ps1') { return "$name would install or build something" }
        if ($name -like 'Register-*') { return "$name would set up something on this machine" }
    }
    if ($Code -match '\bsftp:' -and $World.Missing.sftp) { return $World.Missing.sftp }
    if ($Code -match '\bhttps://nas|-Certificate' -and $World.Missing.https) { return $World.Missing.https }
    if ($Code -match '\b(s3|b2|rclone):') { return "there is no $($Matches[1]): storage here" }
    if ($names -contains 'Start-BorgStoreServer' -and $Code -notmatch '\bPort\b') {
        try { [Net.Sockets.TcpClient]::new('127.0.0.1', 5618).Dispose(); return 'another program listens on port 5618' } catch { }
    }
}

# Copy-Item takes ten times as long, and this is done for each example.
function Copy-Folder([string] $From, [string] $To) {
    $null = [IO.Directory]::CreateDirectory($To)
    foreach ($folder in [IO.Directory]::EnumerateDirectories($From)) { Copy-Folder $folder (Join-Path $To ([IO.Path]::GetFileName($folder))) }
    foreach ($file in [IO.Directory]::EnumerateFiles($From)) { [IO.File]::Copy($file, (Join-Path $To ([IO.Path]::GetFileName($file)))) }
}

# Runs a piece of code. Returns its output, and the error that ended it.
function Invoke-Example([string] $Code, [hashtable] $World) {
    if ([IO.Directory]::Exists($World.Root)) { [IO.Directory]::Delete($World.Root, $true) }
    Copy-Folder $World.Template $World.Root

    $calls = Get-Call $Code
    $names = $calls.ForEach({ $_.GetCommandName() })
    foreach ($call in $calls.Where({ $_.GetCommandName() -eq 'New-BorgStore' })) {
        if ("$($call.CommandElements[1])" -match 'file:///srv/(\w+)') { Remove-Item "$($World.Root)/srv/$($Matches[1])" -Recurse -ErrorAction Ignore }
    }

    $state = [Management.Automation.Runspaces.InitialSessionState]::CreateDefault2()
    $state.ImportPSModule($modulePath)
    if ($IsWindows) { $state.ExecutionPolicy = 'Bypass' }
    $user = [WillingHost]::new($World.Secret)
    $runspace = [runspacefactory]::CreateRunspace($user, $state)
    $runspace.Open()
    $shell = [powershell]::Create($runspace)
    try {
        $root = [uri]::new($World.Root).AbsolutePath
        $null = $shell.AddScript("Set-StrictMode -Version Latest; `$ErrorActionPreference = 'Stop'; Set-Location '$($World.Root)/work'", $false).Invoke()
        $shell.Commands.Clear()
        if ($names -notcontains 'Open-BorgStore' -and $names -notcontains 'New-BorgStore') {
            $null = $shell.AddScript("`$null = Open-BorgStore file://$root/srv/store -Namespace @{ config = 0; data = 2 }", $false).Invoke()
            $shell.Commands.Clear()
        }
        if ($names -match '^(Get|Stop)-BorgStoreServer$' -and $names -notcontains 'Start-BorgStoreServer') {
            $null = $shell.AddScript("`$null = Start-BorgStoreServer file://$root/srv/store -Port 0", $false).Invoke()
            $shell.Commands.Clear()
        }
        $here = $Code -replace '(?<=\b\w+://[^/\s]*/?)/(?=(srv|var|tmp)/)', "$root/" -replace 'https://nas\.example\.org(?=/)', $World.Https
        $null = $shell.AddScript($here, $false)
        $output = try { $shell.Invoke() } catch { $problem = $_.Exception.InnerException ?? $_.Exception }
        $problem ??= ($shell.Streams.Error | Select-Object -First 1)?.Exception
        $text = $output | Out-String -Width 300
        [pscustomobject]@{
            Text    = ($text + $user.UI.Shown) -replace [regex]::Escape($root + '/'), '/'
            Error   = $problem.Message
            Warning = @($shell.Streams.Warning)
        }
    }
    finally {
        $shell.Commands.Clear()
        $null = $shell.AddScript("Get-BorgStore | Close-BorgStore; Get-BorgStoreServer | Stop-BorgStoreServer -Force", $false).Invoke()
        $shell.Dispose()
        $runspace.Dispose()
    }
}

# Returns text without times, hashes and other things that differ in each run.
function ConvertTo-Comparable([string] $Text) {
    foreach ($line in $Text -split '\r?\n') {
        $line = $line -replace '\d{1,4}[./-]\d{1,2}[./-]\d{1,4},? \d{1,2}:\d\d(:\d\d)?( [AP]M)?', 'TIME' -replace '\b\d{4,5}\b', 'NUMBER' -replace '-{2,}', '--' -replace '\s+', ' '
        if ($line.Trim()) { $line.Trim() }
    }
}
