#Requires -Version 7.4
<#
.SYNOPSIS
    Keeps keys and values in a store in a folder, from the prompt.
.EXAMPLE
    ./samples/QuickStart.ps1
.EXAMPLE
    ./samples/QuickStart.ps1 -Path /srv/mystore
#>
param(
    # The folder of the store, which must not exist or be empty.
    [string] $Path = (Join-Path ([IO.Path]::GetTempPath()) "quickstart-$(New-Guid)")
)
$ErrorActionPreference = 'Stop'

# The module that the build made, or an installed one.
$built = Join-Path $PSScriptRoot '../artifacts/BorgStore'
Import-Module ((Test-Path $built) ? $built : 'BorgStore')

$uri = [uri]::new($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)).AbsoluteUri
$store = New-BorgStore $uri -Namespace @{ config = 0; data = 2 }
try {
    Set-BorgStoreItem config/main -Value 'color = blue'
    "config/main says: $(Get-BorgStoreItemContent config/main -AsString)"

    # Files become values that are named by their own hash, so that everyone can check them.
    Get-ChildItem $PSScriptRoot -File -Recurse -Include *.ps1, *.cs |
        Set-BorgStoreItem -Namespace data -ContentHash SHA256 -PassThru | Format-Table Name, Size

    $damaged = Get-BorgStoreItem -Namespace data | Test-BorgStoreItem -Integrity | Where-Object -not Valid
    "Damaged items: $(@($damaged).Count)"

    Remove-BorgStoreItem config/main -Soft
    Get-BorgStoreItem -Deleted | Restore-BorgStoreItem
    Measure-BorgStore
}
finally {
    $store | Close-BorgStore
}
