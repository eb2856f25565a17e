#Requires -Version 7.4
<#
.SYNOPSIS
    Builds, tests, packs and installs the module.
.DESCRIPTION
    Everything but Test needs nothing beyond PowerShell and the .NET SDK. The version stands in BorgStore.psd1.
.EXAMPLE
    ./build.ps1
    Builds the module into artifacts/BorgStore.
.EXAMPLE
    ./build.ps1 -Task Install
    Builds the module and installs it for the current user.
.EXAMPLE
    ./build.ps1 -Task Pack
    Makes the packages in artifacts/packages: the module for the PowerShell Gallery, and the library and the server for NuGet.
.EXAMPLE
    ./build.ps1 -Task Install -WhatIf
    Says where the module would be installed.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # What to do, in this order.
    [ValidateSet('Clean', 'Build', 'Test', 'Pack', 'Install')]
    [string[]] $Task = 'Build',

    # How Build and Install build. Test and Pack always take Release.
    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # Where Install puts the module. By default the current user's module folder.
    [string] $ModulePath
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$artifacts = Join-Path $PSScriptRoot 'artifacts'
$moduleFolder = Join-Path $artifacts 'BorgStore'
$moduleProject = Join-Path $PSScriptRoot 'src/BorgStore.Module'
$packages = Join-Path $artifacts 'packages'
$version = (Import-PowerShellDataFile (Join-Path $PSScriptRoot 'BorgStore.psd1')).ModuleVersion

function Invoke-DotNet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) { throw "dotnet $($args[0]) failed with exit code $LASTEXITCODE." }
}

function Invoke-Clean {
    if (Test-Path $artifacts) { Remove-Item $artifacts -Recurse -Force }
}

function Invoke-Build {
    Invoke-DotNet build $moduleProject --configuration $Configuration --verbosity quiet
    "Built $moduleFolder"
}

function Invoke-Test {
    if ($IsWindows) {
        Invoke-DotNet test (Join-Path $PSScriptRoot 'tests/Unit') --configuration Release
        & (Get-Process -Id $PID).Path -NoProfile -File (Join-Path $PSScriptRoot 'tests/Pester/Invoke-Tests.ps1') -ResultPath (Join-Path $artifacts 'pester.xml')
    }
    else {
        & bash (Join-Path $PSScriptRoot 'tests/run')
    }
    if ($LASTEXITCODE -ne 0) { throw 'Tests failed.' }
}

function Invoke-Pack {
    # The module is packed by "build", since "dotnet pack" would restore the server without its native code.
    Invoke-DotNet build $moduleProject --configuration Release --target:Pack "--property:PackageOutputPath=$packages/" --verbosity quiet
    foreach ($project in 'BorgStore.Core', 'BorgStore.S3', 'BorgStore.Server') {
        Invoke-DotNet pack (Join-Path $PSScriptRoot "src/$project") --configuration Release --output $packages --verbosity quiet
    }
    Get-ChildItem $packages -Filter "*.$version.*nupkg" | ForEach-Object { "Packed $($_.FullName)" }
}

function Invoke-Install {
    $root = if ($ModulePath) { $ModulePath } else { ($env:PSModulePath -split [IO.Path]::PathSeparator)[0] }
    $target = Join-Path $root "BorgStore/$version"
    if (-not $PSCmdlet.ShouldProcess($target, 'Install the module')) { return }
    Invoke-Build
    if (Test-Path $target) {
        # Windows lets nobody delete what a PowerShell has loaded.
        try { Remove-Item $target -Recurse -Force }
        catch { throw "The module in '$target' is in use. Close the PowerShell sessions that have imported it, and try again. ($_)" }
    }
    $null = New-Item $target -ItemType Directory -Force
    Copy-Item (Join-Path $moduleFolder '*') $target -Recurse
    "Installed $target"
}

foreach ($name in $Task) { & "Invoke-$name" }
