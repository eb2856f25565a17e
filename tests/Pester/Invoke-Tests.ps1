#Requires -Version 7.4
<#
.SYNOPSIS
    Runs the Pester tests against the module that the build made.
#>
param(
    # Where the results go, as NUnit XML.
    [Parameter(Mandatory)] [string] $ResultPath,
    [string] $Path = $PSScriptRoot
)
Import-Module Pester -MinimumVersion 5.0
$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.Exit = $true
$configuration.Output.Verbosity = 'Normal'
$configuration.TestResult.Enabled = $true
$configuration.TestResult.OutputFormat = 'NUnitXml'
$configuration.TestResult.OutputPath = $ResultPath
Invoke-Pester -Configuration $configuration
