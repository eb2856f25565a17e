#Requires -Version 7.4
<#
.SYNOPSIS
    Builds, tests, packs, installs and publishes the module.
.DESCRIPTION
    All tasks except Test need only PowerShell and the .NET SDK. The version is in BorgStore.psd1.
.EXAMPLE
    ./build.ps1
    Builds the module into artifacts/BorgStore.
.EXAMPLE
    ./build.ps1 -Task Install
    Builds the module and installs it for the current user.
.EXAMPLE
    ./build.ps1 -Task Pack
    Creates the packages in artifacts/packages: the module for the PowerShell Gallery, and the library and the server for NuGet.
.EXAMPLE
    ./build.ps1 -Task Pack, TestPackage -PowerShellVersion 7.4
    Creates the packages, and tests the packed module with the newest PowerShell 7.4.
.EXAMPLE
    ./build.ps1 -Task Pack, Sbom, Sign, Checksum, Publish -Tag v1.2.3
    Makes a release. Sign takes its certificate, and Publish the feeds and keys, from environment variables, which are described at these functions.
.EXAMPLE
    ./build.ps1 -Task Install -WhatIf
    Shows where the module would be installed.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # The tasks to run, in this order.
    [ValidateSet('Clean', 'Build', 'Test', 'TestUnit', 'TestPackage', 'Pack', 'Sbom', 'Sign', 'Checksum', 'Publish', 'Install')]
    [string[]] $Task = 'Build',

    # The configuration for Build and Install. Test and Pack always use Release.
    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # The folder to install the module in. By default the current user's module folder.
    [string] $ModulePath,

    # The folder of the packages, for Pack, Sbom, Sign, Checksum, Publish and TestPackage.
    [string] $PackagePath = (Join-Path $PSScriptRoot 'artifacts/packages'),

    # The version of PowerShell for TestPackage, such as 7.4 or 7.6.9. By default the one that runs this script.
    [string] $PowerShellVersion,

    # The tag of the release. It must match the version in BorgStore.psd1.
    [string] $Tag
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$artifacts = Join-Path $PSScriptRoot 'artifacts'
$moduleFolder = Join-Path $artifacts 'BorgStore'
$moduleProject = Join-Path $PSScriptRoot 'build/BorgStore.Module'
$packages = [IO.Path]::GetFullPath($PackagePath, $PWD.ProviderPath)
$version = (Import-PowerShellDataFile (Join-Path $PSScriptRoot 'BorgStore.psd1')).ModuleVersion

function Invoke-DotNet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) failed with exit code $LASTEXITCODE." }
}

if ($Tag -and $Tag -ne "v$version") { throw "The tag '$Tag' does not name the version $version of BorgStore.psd1." }

function Invoke-Clean {
    if (Test-Path $artifacts) { Remove-Item $artifacts -Recurse -Force }
}

function Invoke-Build {
    Invoke-DotNet build $moduleProject --configuration $Configuration --verbosity quiet
    "Built $moduleFolder"
}

function Invoke-Test {
    if ($IsWindows) {
        Invoke-TestUnit
        & (Get-Process -Id $PID).Path -NoProfile -File (Join-Path $PSScriptRoot 'tests/Pester/Invoke-Tests.ps1') -ResultPath (Join-Path $artifacts 'pester.xml')
    }
    else {
        & bash (Join-Path $PSScriptRoot 'tests/run')
    }
    if ($LASTEXITCODE -ne 0) { throw 'Tests failed.' }
}

function Invoke-TestUnit {
    $tests = Join-Path $PSScriptRoot 'tests/Unit'
    Invoke-DotNet test $tests --configuration Release --settings (Join-Path $tests 'all.runsettings')
}

# Tests an existing package of the module with the requested version of PowerShell.
function Invoke-TestPackage {
    $shell = if ($PowerShellVersion) { Install-Shell $PowerShellVersion } else { (Get-Process -Id $PID).Path }
    Invoke-DotNet msbuild (Join-Path $PSScriptRoot 'tests/Pester/Pester.csproj') -restore -target:InstallPester -verbosity:quiet -nologo
    $path, $modules = $env:PATH, $env:PSModulePath
    # The tests start further shells by name.
    $env:PATH = (Split-Path $shell) + [IO.Path]::PathSeparator + $path
    # Each PowerShell adds its own modules.
    $env:PSModulePath = Join-Path $artifacts 'tools/Modules'
    try {
        & $shell -NoProfile -NonInteractive -File (Join-Path $PSScriptRoot 'tests/Pester/Invoke-Tests.ps1') -Package (
            Join-Path $packages "BorgStore.$version.nupkg") -ResultPath (Join-Path $artifacts 'pester.xml')
        if ($LASTEXITCODE -ne 0) { throw 'Tests failed.' }
    }
    finally { $env:PATH, $env:PSModulePath = $path, $modules }
}

# Installs PowerShell as a .NET tool. Its starter is bypassed: it runs the shell as a second process, which survives if the first is killed.
function Install-Shell([string] $Wanted) {
    $folder = Join-Path $artifacts "tools/pwsh-$Wanted"
    $newest = if ($Wanted.Split('.').Count -lt 3) { "$Wanted.*" } else { $Wanted }
    Invoke-DotNet tool update PowerShell --tool-path $folder --version $newest --allow-downgrade --verbosity quiet | Out-Host
    $system = if ($IsWindows) { 'win' } else { 'unix' }
    $program = @(Get-ChildItem (Join-Path $folder '.store') -Recurse -Filter pwsh.dll | Where-Object { $_.Directory.Name -eq $system })[-1]
    if ($IsWindows) { return [IO.Path]::ChangeExtension($program.FullName, '.exe') }
    $bin = New-Item (Join-Path $folder bin) -ItemType Directory -Force
    $shell = Join-Path $bin pwsh
    Set-Content $shell "#!/bin/sh`nexec dotnet '$($program.FullName)' `"`$@`""
    & chmod +x $shell
    $shell
}

function Invoke-Pack {
    # The module is packed by "build", because "dotnet pack" would restore the server without its native code.
    Invoke-DotNet build $moduleProject --configuration Release --target:Pack "--property:PackageOutputPath=$packages/" --verbosity quiet
    foreach ($project in 'BorgStore.Core', 'BorgStore.S3', 'BorgStore.Ssh', 'BorgStore.Server') {
        Invoke-DotNet pack (Join-Path $PSScriptRoot "src/$project") --configuration Release --output $packages --verbosity quiet
    }
    Get-ChildItem $packages -Filter "*.$version.*nupkg" | ForEach-Object { "Packed $($_.FullName)" }
}

# Lists the contents of the packages, including third-party packages; the server depends on all of them.
function Invoke-Sbom {
    $server = Join-Path $PSScriptRoot 'src/BorgStore.Server/BorgStore.Server.csproj'
    Invoke-DotNet tool restore --verbosity quiet
    Invoke-DotNet tool run dotnet-CycloneDX '--' $server --output $packages --filename sbom.json --output-format Json --set-name BorgStore --set-version $version
    "Listed what the packages have inside in $(Join-Path $packages sbom.json)"
}

# Signs the packages if BORGSTORE_SIGN_CERTIFICATE contains a certificate (PFX, in base64); BORGSTORE_SIGN_PASSWORD is its password.
# BORGSTORE_SIGN_TIMESTAMPER is the URL of a timestamp server, without which a signature expires together with its certificate.
function Invoke-Sign {
    if (-not $env:BORGSTORE_SIGN_CERTIFICATE) { return 'Not signed: there is no certificate in BORGSTORE_SIGN_CERTIFICATE.' }
    # Other users can read a password in the arguments, so the signer gets the certificate without one, in a folder that only the user can access.
    $folder = [IO.Directory]::CreateTempSubdirectory('borgstore-sign-').FullName
    try {
        $file = Join-Path $folder certificate.pfx
        $certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::new(
            [Convert]::FromBase64String($env:BORGSTORE_SIGN_CERTIFICATE), $env:BORGSTORE_SIGN_PASSWORD, 'Exportable')
        [IO.File]::WriteAllBytes($file, $certificate.Export('Pfx'))
        $timestamp = if ($env:BORGSTORE_SIGN_TIMESTAMPER) { '--timestamper', $env:BORGSTORE_SIGN_TIMESTAMPER } else { @() }
        Invoke-DotNet nuget sign (Join-Path $packages "*.$version.nupkg") --certificate-path $file @timestamp --overwrite
    }
    finally { Remove-Item $folder -Recurse -Force }
}

# Writes a file with the hashes of all others, for "sha256sum --check".
function Invoke-Checksum {
    $list = Join-Path $packages 'SHA256SUMS'
    $lines = Get-ChildItem $packages -File | Where-Object Name -ne SHA256SUMS | Sort-Object Name |
        ForEach-Object { "$((Get-FileHash $_).Hash.ToLowerInvariant())  $($_.Name)" }
    [IO.File]::WriteAllText($list, ($lines -join "`n") + "`n")
    "Wrote $list"
}

# Publishes the module to the feed BORGSTORE_MODULE_FEED with the key in BORGSTORE_MODULE_KEY, and the other packages to
# BORGSTORE_LIBRARY_FEED with the key in BORGSTORE_LIBRARY_KEY. A package that a feed already has is skipped.
function Invoke-Publish {
    foreach ($package in Get-ChildItem $packages -Filter "*.$version.nupkg") {
        $kind = if ($package.Name -eq "BorgStore.$version.nupkg") { 'MODULE' } else { 'LIBRARY' }
        $feed, $key = "BORGSTORE_${kind}_FEED", "BORGSTORE_${kind}_KEY" | ForEach-Object { [Environment]::GetEnvironmentVariable($_) }
        if (-not $feed -or -not $key) { throw "Publishing $($package.Name) needs BORGSTORE_${kind}_FEED and BORGSTORE_${kind}_KEY." }
        if (-not $PSCmdlet.ShouldProcess($feed, "Publish $($package.Name)")) { continue }
        Publish-Package $package $feed $key
    }
}

# Pushes a package like NuGet's clients, which take the key as an argument that other users can read.
function Publish-Package([IO.FileInfo] $Package, [string] $Feed, [string] $Key) {
    $address = $Feed
    if ($Feed.EndsWith('index.json')) {
        $address = (Invoke-RestMethod $Feed).resources.Where({ $_.'@type' -like 'PackagePublish/*' }, 'First').'@id'
    }
    $null = Invoke-RestMethod $address -Method Put -Form @{ package = $Package } -Headers @{ 'X-NuGet-ApiKey' = $Key } -SkipHttpErrorCheck -StatusCodeVariable status
    if ($status -eq 409) { return "$($Package.Name) was published before" }
    if ($status -ge 300) { throw "$($Package.Name) could not be published to ${address}: HTTP status $status." }
    "Published $($Package.Name)"
}

function Invoke-Install {
    $root = if ($ModulePath) { $ModulePath } else { ($env:PSModulePath -split [IO.Path]::PathSeparator)[0] }
    $target = Join-Path $root "BorgStore/$version"
    if (-not $PSCmdlet.ShouldProcess($target, 'Install the module')) { return }
    Invoke-Build
    if (Test-Path $target) {
        # On Windows, files that a PowerShell has loaded cannot be deleted.
        try { Remove-Item $target -Recurse -Force }
        catch { throw "The module in '$target' is in use. Close the PowerShell sessions that have imported it, and try again. ($_)" }
    }
    $null = New-Item $target -ItemType Directory -Force
    Copy-Item (Join-Path $moduleFolder '*') $target -Recurse
    "Installed $target"
}

foreach ($name in $Task) { & "Invoke-$name" }
