#Requires -Version 7.4
<#
.SYNOPSIS
    Stores many files named by their hash, tests the integrity of all, damages one on disk, and finds exactly that one.
.DESCRIPTION
    Prints the time and the memory of each step. Fails where the damaged item is not the only one that is reported.
.EXAMPLE
    ./bench/integrity.ps1 -Count 10000
#>
param(
    [int] $Count = 10000,
    # The size of each file [bytes].
    [int] $Size = 4096,
    [string] $Folder = (Join-Path ([IO.Path]::GetTempPath()) "integrity-$(New-Guid)")
)
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot '../artifacts/BorgStore')

function Measure-Step([string] $Name, [scriptblock] $Step) {
    $time = Measure-Command { $script:result = & $Step }
    $process = [Diagnostics.Process]::GetCurrentProcess()
    '{0,-28} {1,7:n1} s {2,8:n0} a second   working set {3,5:n0} MiB, managed heap {4,5:n0} MiB' -f
        $Name, $time.TotalSeconds, ($Count / $time.TotalSeconds), ($process.WorkingSet64 / 1MB), ([GC]::GetTotalMemory($false) / 1MB) | Write-Host
    $script:result
}

try {
    $source = (New-Item (Join-Path $Folder source) -ItemType Directory -Force).FullName
    $random = [Random]::new(1)
    $bytes = [byte[]]::new($Size)
    foreach ($i in 1..$Count) {
        $random.NextBytes($bytes)
        [IO.File]::WriteAllBytes("$source/$i.bin", $bytes)
    }
    $storePath = Join-Path $Folder store
    $store = New-BorgStore ([uri]::new($storePath).AbsoluteUri) -Namespace @{ data = 2 }

    Measure-Step 'store by hash' { Get-ChildItem "$source/*.bin" | Set-BorgStoreItem -Store $store -Namespace data -ContentHash SHA256 }
    $valid = Measure-Step 'test integrity' { (Get-BorgStoreItem -Store $store -Namespace data | Test-BorgStoreItem -Integrity | Where-Object Valid | Measure-Object).Count }
    if ($valid -ne $Count) { throw "Only $valid of $Count items are valid." }

    $victim = Get-ChildItem $storePath -File -Recurse | Select-Object -Skip ($Count / 3) -First 1
    $damaged = [IO.File]::ReadAllBytes($victim.FullName)
    $damaged[$Size / 2] = $damaged[$Size / 2] -bxor 1
    [IO.File]::WriteAllBytes($victim.FullName, $damaged)

    $found = @(Measure-Step 'find the damaged one' { Get-BorgStoreItem -Store $store -Namespace data | Test-BorgStoreItem -Integrity | Where-Object -not Valid })
    $found | Format-Table Name, Valid, Algorithm | Out-String | Write-Host
    if ($found.Count -ne 1 -or $found[0].Name -ne "data/$($victim.Name)") { throw "Expected exactly data/$($victim.Name)." }
    'Exactly the damaged item was reported.'
}
finally {
    Get-BorgStore | Close-BorgStore
    Remove-Item $Folder -Recurse -Force
}
