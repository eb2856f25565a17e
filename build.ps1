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
    ./build.ps1 -Task Build, Install -Configuration Release
    Builds the module and installs it for the current user.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidateSet('Clean', 'Build', 'Test', 'Pack', 'Install')]
    [string[]] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # Where Install puts the module. By default the current user's module folder.
    [string] $ModulePath
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$artifacts = Join-Path $PSScriptRoot 'artifacts'
$moduleFolder = Join-Path $artifacts 'BorgStore'
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
    Invoke-DotNet build (Join-Path $PSScriptRoot 'BorgStore.slnx') --configuration $Configuration --verbosity quiet
    "Built $moduleFolder"
}

function Invoke-Test {
    if ($IsWindows) {
        Invoke-DotNet test (Join-Path $PSScriptRoot 'tests/Unit')
        & (Join-Path $PSScriptRoot 'tests/Pester/Invoke-Tests.ps1') -ResultPath (Join-Path $artifacts 'pester.xml')
    }
    else {
        & bash (Join-Path $PSScriptRoot 'tests/run')
    }
    if ($LASTEXITCODE -ne 0) { throw 'Tests failed.' }
}

function Invoke-Pack {
    Invoke-Build
    $null = New-Item $packages -ItemType Directory -Force
    $zip = Join-Path $packages "BorgStore.$version.zip"
    Remove-Item $zip -ErrorAction Ignore
    [IO.Compression.ZipFile]::CreateFromDirectory($moduleFolder, $zip, 'Optimal', $true)
    "Packed $zip"
    Invoke-DotNet pack (Join-Path $PSScriptRoot 'BorgStore.slnx') --configuration $Configuration --output $packages --verbosity quiet
}

function Invoke-Install {
    if (-not (Test-Path $moduleFolder)) { Invoke-Build }
    $root = if ($ModulePath) { $ModulePath } else { ($env:PSModulePath -split [IO.Path]::PathSeparator)[0] }
    $target = Join-Path $root "BorgStore/$version"
    if (-not $PSCmdlet.ShouldProcess($target, 'Install the module')) { return }
    if (Test-Path $target) { Remove-Item $target -Recurse -Force }
    $null = New-Item $target -ItemType Directory -Force
    Copy-Item (Join-Path $moduleFolder '*') $target -Recurse
    "Installed $target"
}

foreach ($name in $Task) { & "Invoke-$name" }
