#Requires -Version 7.4
<#
.SYNOPSIS
    Makes the package, installs it into a module path of its own, and runs the Pester tests against that.
.DESCRIPTION
    What is tested is what people get. While working on something, run its tests against the module folder of the last build instead:
    Invoke-Pester tests/Pester/Item.Tests.ps1
#>
param(
    # Where the results go, as NUnit XML.
    [Parameter(Mandatory)] [string] $ResultPath,
    # The package to test. By default one is made.
    [string] $Package,
    [string] $Path = $PSScriptRoot
)
$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.0

$root = Split-Path (Split-Path $PSScriptRoot)
$packages = Join-Path $root 'artifacts/test-package'
if (Test-Path $packages) { Remove-Item $packages -Recurse -Force }
if (-not $Package) {
    & dotnet build (Join-Path $root 'src/BorgStore.Module') --configuration Release --target:Pack "--property:PackageOutputPath=$packages/" --verbosity quiet --nologo -consoleLoggerParameters:NoSummary
    if ($LASTEXITCODE -ne 0) { throw "The package could not be made: dotnet build failed with exit code $LASTEXITCODE." }
    $Package = (Get-Item (Join-Path $packages 'BorgStore.*.nupkg')).FullName
}

# As Install-PSResource does it: the files of the package, without what only NuGet needs.
$modules = Join-Path $packages 'Modules'
$module = Join-Path $modules BorgStore
[IO.Compression.ZipFile]::ExtractToDirectory($Package, $module)
'_rels', 'package', '[Content_Types].xml', 'BorgStore.nuspec' | ForEach-Object { Remove-Item -LiteralPath (Join-Path $module $_) -Recurse -Force }

$env:PSModulePath = $modules + [IO.Path]::PathSeparator + $env:PSModulePath
$env:BORGSTORE_MODULE = $module
$env:BORGSTORE_PACKAGE = $Package

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
# Under Wine the examples take as long as all else.
if ($env:BORGSTORE_TEST_WINE -and -not $env:BORGSTORE_TEST_LONG) { $configuration.Run.ExcludePath = Join-Path $PSScriptRoot Examples.Tests.ps1 }
$configuration.Run.Exit = $true
$configuration.Output.Verbosity = 'Normal'
$configuration.TestResult.Enabled = $true
$configuration.TestResult.OutputFormat = 'NUnitXml'
$configuration.TestResult.OutputPath = $ResultPath
Invoke-Pester -Configuration $configuration
