#Requires -Version 7.4
# The cmdlets on a store, as a pipeline of all items. Serves the requests of tests/Storm/WorkLoop.cs on stdin.
param([string] $Module, [string] $Url, [string] $CacheUrl)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module $Module

# In memory up to this size, as a stream beyond it [bytes].
$inMemory = 1MB
$layout = @{ data = if ($CacheUrl) { @{ Levels = 0; Cache = 'WriteThrough' } } else { 0 } }
$cache = if ($CacheUrl) { @{ CacheUri = $CacheUrl } } else { @{} }
$store = New-BorgStore $Url -Namespace $layout -Durability None @cache
$filled = $null
$values = @{}

function Get-Value([long] $Size) {
    if (-not $values.ContainsKey($Size)) {
        $values[$Size] = [byte[]]::new($Size)
        [Random]::new(1).NextBytes($values[$Size])
    }
    , $values[$Size]
}

function Clear-Items {
    if ($script:filled) { 0..($script:filled.Count - 1) | ForEach-Object { 'data/{0:x8}' -f $_ } | Remove-BorgStoreItem -Store $store -ThrottleLimit 16 -Confirm:$false }
    $script:filled = $null
}

[Console]::Out.WriteLine('ready')
while ($null -ne ($line = [Console]::In.ReadLine())) {
    try {
        $operation, $numbers = $line -split ' '
        [long] $size, [int] $limit, [int] $count, [int] $least = $numbers
        $names = [string[]] $(foreach ($i in 0..($count - 1)) { 'data/{0:x8}' -f $i })
        $value = Get-Value $size
        $isKept = $filled -and $filled.Size -eq $size -and $filled.Count -eq $count
        if ($operation -eq 'store' -or -not $isKept) { Clear-Items }
        $items = if ($operation -in 'store', 'move', 'defrag' -or -not $isKept) {
            foreach ($name in $names) { [pscustomobject] @{ Name = $name; Value = $value; Destination = $name.Replace('data/', 'data/m') } }
        }
        if ($operation -ne 'store' -and -not $isKept) { $items | Set-BorgStoreItem -Store $store -ThrottleLimit 16 }
        $filled = @{ Size = $size; Count = $count }

        $revert = $null
        $repeats = $true
        $act = switch ($operation) {
            'store' { $repeats = $false; { $items | Set-BorgStoreItem -Store $store -ThrottleLimit $limit } }
            'load' {
                if ($size -le $inMemory) { { $names | Get-BorgStoreItemContent -Store $store -ThrottleLimit $limit | Out-Null } }
                else { { foreach ($name in $names) { ($stream = Get-BorgStoreItemContent $name -AsStream -Store $store).CopyTo([IO.Stream]::Null, 262144); $stream.Dispose() } } }
            }
            'range' { { $names | Get-BorgStoreItemContent -Offset ([long] [Math]::Floor($size / 4)) -Length ([long] [Math]::Floor($size / 2)) -Store $store -ThrottleLimit $limit | Out-Null } }
            'info' { { $names | Get-BorgStoreItem -Store $store -ThrottleLimit $limit | Out-Null } }
            'hash' { { $names | Get-BorgStoreItemHash -Store $store -ThrottleLimit $limit | Out-Null } }
            'blake3' { { $names | Get-BorgStoreItemHash -Algorithm BLAKE3 -Store $store -ThrottleLimit $limit | Out-Null } }
            'list' { { Get-BorgStoreItem -Namespace data -Store $store | Out-Null } }
            'first' { { Get-BorgStoreItem -Namespace data -Store $store | Select-Object -First 1 | Out-Null } }
            'list-all' { { Get-BorgStoreItem -Store $store | Out-Null } }
            'move' {
                $repeats = $false
                $revert = { $items | ForEach-Object { [pscustomobject] @{ Name = $_.Destination; Destination = $_.Name } } | Move-BorgStoreItem -Store $store -ThrottleLimit 16 }
                { $items | Move-BorgStoreItem -Store $store -ThrottleLimit $limit }
            }
            'soft-delete' {
                $repeats = $false
                $revert = { $names | Restore-BorgStoreItem -Store $store -ThrottleLimit 16 }
                { $names | Remove-BorgStoreItem -Soft -Store $store -ThrottleLimit $limit -Confirm:$false }
            }
            'defrag' {
                $repeats = $false
                $revert = { Remove-BorgStoreItem data/joined -Store $store -Confirm:$false }
                { $names | Invoke-BorgStoreDefrag -Target data/joined -Store $store | Out-Null }
            }
            'delete' { $repeats = $false; $filled = $null; { $names | Remove-BorgStoreItem -Store $store -ThrottleLimit $limit -Confirm:$false } }
            default { throw "There is no operation $operation." }
        }
        $turns = 0
        $null = [IO.File]::Exists('/borgstore-trace-begin')
        $allocated = [GC]::GetTotalAllocatedBytes($true)
        $watch = [Diagnostics.Stopwatch]::StartNew()
        do {
            & $act
            $turns++
        } while ($repeats -and $watch.ElapsedMilliseconds -lt $least)
        $watch.Stop()
        $allocated = [GC]::GetTotalAllocatedBytes($true) - $allocated
        $null = [IO.File]::Exists('/borgstore-trace-end')
        if ($revert) { & $revert }
        [Console]::Out.WriteLine(('ok {0:f0} {1} -1' -f ($watch.Elapsed.TotalNanoseconds / $turns), [long] ($allocated / $turns)))
    }
    catch { [Console]::Out.WriteLine("no $($_.Exception.Message -replace '\s+', ' ')") }
}
Clear-Items
$store | Close-BorgStore
