#Requires -Version 7.4
<#
.SYNOPSIS
    Measures comparing and synchronising a store with a copy that lacks ten items, beside rclone check and rclone sync of the same folders.
.DESCRIPTION
    The programs take turns, so that all meet the same state of the machine. Fails where a run does not find or copy exactly the ten. Prints the
    calls that the storage of the copy got, and the peak working set of a process of its own.
.EXAMPLE
    ./bench/sync.ps1 -Count 100000 -Rounds 3
#>
param(
    [int] $Count = 100000,
    [int] $Rounds = 3,
    [string] $Folder = (Join-Path ([IO.Path]::GetTempPath()) "sync-$(New-Guid)")
)
$ErrorActionPreference = 'Stop'
$module = Join-Path $PSScriptRoot '../artifacts/BorgStore'
Import-Module $module

function Remove-Ten { Get-ChildItem "$Folder/b/data/00" -Recurse -File | Select-Object -First 10 | Remove-Item }

function Measure-Step([string] $Name, [scriptblock] $Step) {
    $time = (Measure-Command { $script:result = & $Step }).TotalSeconds
    [pscustomobject]@{ Name = $Name; Seconds = $time; Result = $script:result }
}

try {
    $null = New-Item $Folder -ItemType Directory
    $a = New-BorgStore ([uri]::new("$Folder/a").AbsoluteUri) -Namespace @{ data = 2 }
    $random = [Random]::new(1)
    1..$Count | ForEach-Object {
        $bytes = [byte[]]::new(200)
        $random.NextBytes($bytes)
        [pscustomobject]@{ Value = $bytes }
    } | Set-BorgStoreItem -Namespace data -ContentHash SHA256
    $b = New-BorgStore ([uri]::new("$Folder/b").AbsoluteUri) -Namespace @{ data = 2 }
    $first = Sync-BorgStore $a $b
    "First copy of $($first.Copied) items: $($first.Duration.TotalSeconds.ToString('n1')) s"
    $rclone = (Get-Command rclone -CommandType Application -ErrorAction Ignore | Select-Object -First 1).Source

    $samples = foreach ($round in 1..$Rounds) {
        Remove-Ten
        Measure-Step 'Compare-BorgStore' { @(Compare-BorgStore $a $b).Count }
        if ($rclone) { Measure-Step 'rclone check --size-only' { @(& $rclone check "$Folder/a" "$Folder/b" --size-only --checkers 16 2>&1 | Select-String 'not in').Count } }
        $null = Get-BorgStoreStatistic -Store $b -Reset
        Measure-Step 'Sync-BorgStore' { (Sync-BorgStore $a $b).Copied }
        $calls = Get-BorgStoreStatistic -Store $b
        if ($rclone) {
            Remove-Ten
            Measure-Step 'rclone sync' { @(& $rclone sync "$Folder/a" "$Folder/b" --transfers 16 --checkers 16 -v 2>&1 | Select-String 'Copied').Count }
        }
    }
    $samples | Where-Object Result -NE 10 | ForEach-Object { throw "$($_.Name) found or copied $($_.Result) items instead of 10." }
    $samples | Group-Object Name | ForEach-Object {
        $times = $_.Group.Seconds | Sort-Object
        '{0,-26} {1,8:n2} s   ({2:n2} to {3:n2})' -f $_.Name, $times[[int][Math]::Floor($times.Count / 2)], $times[0], $times[-1]
    }
    $calls | Format-List list_calls, info_calls, store_calls, hash_calls, load_calls | Out-String
    $peak = pwsh -NoProfile -c "Import-Module '$module'; `$null = Sync-BorgStore '$([uri]::new("$Folder/a").AbsoluteUri)' '$([uri]::new("$Folder/b").AbsoluteUri)'; [Diagnostics.Process]::GetCurrentProcess().PeakWorkingSet64 / 1MB"
    "Peak working set of a process that synchronises: $([Math]::Round($peak)) MiB"
}
finally {
    Get-BorgStore | Close-BorgStore
    Remove-Item $Folder -Recurse -Force -ErrorAction Ignore
}
