#Requires -Version 7.4
<#
.SYNOPSIS
    Measures the verification of a whole store beside sha256sum and b3sum on the same files.
.DESCRIPTION
    Makes a store of large values and one of many small ones, both named by their hash, and verifies each with several -ThrottleLimit.
    Everything is read once before, so that the disk is not measured. Fails where a clean store has a problem, or not everything was checked.
    With -Url, the stores are elsewhere, and -Remote names the same place for rclone, whose "hashsum --download" reads everything too.
.EXAMPLE
    ./bench/verification.ps1 -Large 40 -Small 100000
.EXAMPLE
    ./bench/verification.ps1 -Large 10 -Small 20000 -Url s3:$key:$secret@http://127.0.0.1:8000/bench -Remote bench:bench -Algorithm SHA256
#>
param(
    # The number of values of 50 MiB.
    [int] $Large = 40,
    # The number of values of 4 KiB.
    [int] $Small = 100000,
    [string[]] $Algorithm = @('SHA256', 'BLAKE3'),
    # The URL below which the stores are made, instead of the folder.
    [string] $Url,
    # The remote of rclone for that URL.
    [string] $Remote,
    # With -Url, 16 is the default of the cmdlet, and the number of transfers that rclone is given.
    [int[]] $ThrottleLimit = ($Url ? @(4, 8, 16) : @(1, 2, 4, 8)),
    [string] $Folder = (Join-Path ([IO.Path]::GetTempPath()) "verification-$(New-Guid)")
)
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot '../artifacts/BorgStore')

function Write-Figure([string] $Name, [double] $Seconds, [long] $Bytes, [long] $Items) {
    $memory = [Diagnostics.Process]::GetCurrentProcess().WorkingSet64 / 1MB
    '{0,-34} {1,7:n2} s {2,8:n0} MB/s {3,9:n0} items/s   working set {4,5:n0} MiB' -f $Name, $Seconds, ($Bytes / 1e6 / $Seconds), ($Items / $Seconds), $memory | Write-Host
}

# The programs get the files with as many processes as there are processors.
function Measure-Program([string] $Program, [string] $Path, [long] $Bytes, [long] $Items) {
    if (-not (Get-Command $Program -ErrorAction Ignore)) { return }
    foreach ($processes in 1, [Environment]::ProcessorCount) {
        $time = Measure-Command { bash -c "find '$Path' -type f -print0 | xargs -0 -P $processes -n $([Math]::Max(1, [Math]::Min(1000, [int] ($Items / $processes)))) $Program > /dev/null" }
        Write-Figure "$Program, $processes at a time" $time.TotalSeconds $Bytes $Items
    }
}

try {
    foreach ($kind in $Algorithm) {
        foreach ($set in @{ Count = $Large; Size = 50MB }, @{ Count = $Small; Size = 4KB }) {
            if ($set.Count -eq 0) { continue }
            $path = Join-Path $Folder "$kind-$($set.Size)"
            $place = "$kind-$($set.Size)".ToLowerInvariant()
            $store = New-BorgStore ($Url ? "$Url/$place" : [uri]::new($path).AbsoluteUri) -Namespace @{ data = 2 } -Durability None
            $bytes = [byte[]]::new($set.Size)
            $random = [Random]::new(1)
            $null = New-Item $Folder -ItemType Directory -Force
            1..$set.Count | ForEach-Object {
                $random.NextBytes($bytes)
                $copy = Join-Path $Folder 'value.bin'
                [IO.File]::WriteAllBytes($copy, $bytes)
                Get-Item $copy | Set-BorgStoreItem -Store $store -Namespace data -ContentHash $kind
            }
            $total = $set.Count * $set.Size
            Write-Host "`n$($set.Count) values of $($set.Size) bytes, $kind"
            if ($Remote) {
                $time = Measure-Command { rclone hashsum $kind "$Remote/$place" --download --transfers 16 --checkers 16 | Out-Null }
                Write-Figure 'rclone hashsum --download, 16' $time.TotalSeconds $total $set.Count
            }
            elseif (-not $Url) {
                bash -c "find '$path' -type f -exec cat {} + > /dev/null"
                Measure-Program ($kind -eq 'SHA256' ? 'sha256sum' : 'b3sum') $path $total $set.Count
            }
            foreach ($limit in $ThrottleLimit) {
                $summary = $store | Test-BorgStore -Integrity -ThrottleLimit $limit
                if ($summary.Problems -or $summary.ItemsChecked -ne $set.Count -or $summary.Bytes -ne $total) { throw "The verification found this: $($summary | Out-String)" }
                Write-Figure "Test-BorgStore -ThrottleLimit $limit" $summary.Duration.TotalSeconds $total $set.Count
            }
            $store | Close-BorgStore
        }
    }
}
finally {
    Get-BorgStore | Close-BorgStore
    Remove-Item $Folder -Recurse -Force
}
