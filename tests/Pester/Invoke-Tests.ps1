#Requires -Version 7.4
<#
.SYNOPSIS
    Builds the package, installs it into a module path of its own, and runs the Pester tests against it.
.DESCRIPTION
    This tests what users get. During development, run individual tests against the module folder of the last build instead:
    Invoke-Pester tests/Pester/Item.Tests.ps1
#>
param(
    # The path of the results, as NUnit XML.
    [Parameter(Mandatory)] [string] $ResultPath,
    # The package to test. By default, one is built.
    [string] $Package,
    [string] $Path = $PSScriptRoot
)
$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.0

$root = Split-Path (Split-Path $PSScriptRoot)
# Windows under Wine runs at the same time in the same checkout.
$packages = Join-Path $root ($IsWindows ? 'artifacts/test-package-windows' : 'artifacts/test-package')
if (Test-Path $packages) { Remove-Item $packages -Recurse -Force }
if (-not $Package) {
    & dotnet build (Join-Path $root 'build/BorgStore.Module') --configuration Release --target:Pack "--property:PackageOutputPath=$packages/" --verbosity quiet --nologo -consoleLoggerParameters:NoSummary
    if ($LASTEXITCODE -ne 0) { throw "The package could not be made: dotnet build failed with exit code $LASTEXITCODE." }
    $Package = (Get-Item (Join-Path $packages 'BorgStore.*.nupkg')).FullName
}

# Like Install-PSResource: the files of the package, except those that only NuGet needs.
$modules = Join-Path $packages 'Modules'
$module = Join-Path $modules BorgStore
[IO.Compression.ZipFile]::ExtractToDirectory($Package, $module)
'_rels', 'package', '[Content_Types].xml', 'BorgStore.nuspec' | ForEach-Object { Remove-Item -LiteralPath (Join-Path $module $_) -Recurse -Force }

$env:PSModulePath = $modules + [IO.Path]::PathSeparator + $env:PSModulePath
$env:BORGSTORE_MODULE = $module
$env:BORGSTORE_PACKAGE = $Package

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
# Wine is slow. What depends on no system, such as help and completion, is tested there only by the long runs.
if ($env:BORGSTORE_TEST_WINE -and -not $env:BORGSTORE_TEST_LONG) {
    $configuration.Run.ExcludePath = 'Examples', 'Help', 'Release', 'Source', 'Completion', 'Pipeline', 'Block', 'Progress', 'Integrity', 'ScriptBlock', 'Mistake' |
        ForEach-Object { Join-Path $PSScriptRoot "$_.Tests.ps1" }
}
$configuration.Run.Exit = -not $env:BORGSTORE_TEST_WINE
$configuration.Output.Verbosity = 'Normal'
$configuration.TestResult.Enabled = $true
$configuration.TestResult.OutputFormat = 'NUnitXml'
$configuration.TestResult.OutputPath = $ResultPath
Invoke-Pester -Configuration $configuration
# Under Wine, PowerShell does not end when it should. The results are in the file.
if ($env:BORGSTORE_TEST_WINE) { [Diagnostics.Process]::GetCurrentProcess().Kill() }
