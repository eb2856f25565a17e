#Requires -Version 7.4
# Stores values of 1 KiB through rclone and loads them again, through the pipeline. Prints values a second.
# usage: rclone.ps1 FOLDER COUNT THROTTLE
param([string] $Folder, [int] $Count, [int] $ThrottleLimit)
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot '../artifacts/BorgStore')

function Measure-Step([string] $Name, [scriptblock] $Step) {
    $seconds = (Measure-Command $Step).TotalSeconds
    '{0} {1:f0}' -f $Name, ($Count / $seconds)
}

$store = New-BorgStore "rclone:$Folder" -Namespace @{ data = 0 }
try {
    $random = [Random]::new(1)
    $items = foreach ($i in 1..$Count) {
        $bytes = [byte[]]::new(1024)
        $random.NextBytes($bytes)
        [pscustomobject] @{ Name = 'data/{0:x8}' -f $i; Value = $bytes }
    }
    Measure-Step store { $items | Set-BorgStoreItem -Store $store -ThrottleLimit $ThrottleLimit }
    Measure-Step list { $script:found = @(Get-BorgStoreItem -Store $store -Namespace data) }
    if ($found.Count -ne $Count) { throw "Only $($found.Count) of $Count are there." }
    Measure-Step load { $script:bytes = 0; $items.Name | Get-BorgStoreItemContent -Store $store -ThrottleLimit $ThrottleLimit | ForEach-Object { $script:bytes += $_.Length } }
    if ($bytes -ne $Count * 1024) { throw "Only $bytes bytes came back." }
}
finally {
    $store | Close-BorgStore
    Remove-Module BorgStore
}
