BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    $uri = New-TestUri
    $store = New-BorgStore $uri @{ a = 0 }
    Set-BorgStoreItem a/x -Value x
    $store | Close-BorgStore

    # Runs a script in a session of its own with a slow store, and returns the progress that its host displayed.
    function Watch-Progress([string] $Script, [string] $Latency = '0:0:0.2') {
        $shell = [powershell]::Create()
        try {
            $shell.AddScript("Import-Module '$modulePath'; `$slow = Open-BorgStore '$uri' @{ a = 0 } -Latency $Latency; $Script") | Out-Null
            $clock = [Diagnostics.Stopwatch]::StartNew()
            try { $shell.Invoke() | Out-Null } catch { $thrown = $_.Exception.InnerException }
            [pscustomobject]@{
                Records = @($shell.Streams.Progress)
                LeftBehind = @($shell.Streams.Progress | Group-Object ActivityId | Where-Object { $_.Group[-1].RecordType -ne 'Completed' }).Count
                Thrown = $thrown
                Elapsed = $clock.Elapsed
            }
        }
        finally { $shell.Dispose() }
    }
}

Describe 'Progress' {
    It 'is shown for long operations and then removed: <Name>' -ForEach @(
        @{ Name = 'storing'; Script = '1..20 | ForEach-Object { [pscustomobject]@{ Name = "a/s$_"; Value = "v" } } | Set-BorgStoreItem -ThrottleLimit 2' }
        @{ Name = 'reading'; Script = '(@("a/x") * 20) | Get-BorgStoreItemContent -ThrottleLimit 2' }
        @{ Name = 'hashing'; Script = '(@("a/x") * 20) | Get-BorgStoreItemHash -ThrottleLimit 2' }
        @{ Name = 'testing'; Script = '(@("a/x") * 20) | Test-BorgStoreItem -ThrottleLimit 2' }
        @{ Name = 'copying'; Script = '(@("a/x") * 20) | Copy-BorgStoreItem -Destination { "a/" + [guid]::NewGuid() } -ThrottleLimit 2' }
        @{ Name = 'exporting'; Script = "(@('a/x') * 20) | Export-BorgStoreItem -Path '$TestDrive/out' -Force -ThrottleLimit 2" }
        @{ Name = 'removing'; Script = '1..20 | ForEach-Object { "a/s$_" } | Remove-BorgStoreItem -ThrottleLimit 2' }
        @{ Name = 'making one of parts'; Script = '(@("a/x") * 8) | ForEach-Object { [pscustomobject]@{ Name = $_; Offset = 0; Length = $null } } | Invoke-BorgStoreDefrag -Target a/new' }
    ) {
        $seen = Watch-Progress $Script
        $seen.Thrown | Should -BeNullOrEmpty
        $seen.Records.Count | Should -BeGreaterThan 1
        $seen.Records[0].StatusDescription | Should -Match 'in progress'
        $seen.LeftBehind | Should -Be 0
    }

    It 'has a percentage and a remaining time as soon as the total of a synchronisation is known' {
        $source = New-BorgStore (New-TestUri) @{ a = 0 }
        $copy = New-BorgStore (New-TestUri) @{ a = 0 }
        1..30 | ForEach-Object { [pscustomobject]@{ Name = "a/k$_"; Value = 'v' * $_ } } | Set-BorgStoreItem -Store $source
        $source, $copy | Close-BorgStore
        $seen = Watch-Progress "`$copy = Open-BorgStore '$($copy.Uri)' @{ a = 0 } -Latency 0:0:0.3; Sync-BorgStore '$($source.Uri)' `$copy -ThrottleLimit 2" '0:0:0'
        $seen.Thrown | Should -BeNullOrEmpty
        $known = @($seen.Records | Where-Object PercentComplete -GE 0)
        $known.Count | Should -BeGreaterThan 3
        $known.StatusDescription | ForEach-Object { $_ | Should -Match '^copying to a: \d+ of 30 done' }
        $known.PercentComplete | Should -Be ($known.PercentComplete | Sort-Object)
        $known[-1].PercentComplete | Should -BeGreaterThan $known[0].PercentComplete
        ($known | Where-Object { $_.SecondsRemaining -lt 0 }) | Should -BeNullOrEmpty
        # The listing of the destination takes as long as every other call to it, so the first copies come after it.
        $seen.LeftBehind | Should -Be 0
    }

    It 'has no percentage while the total is not known' {
        $seen = Watch-Progress '1..20 | ForEach-Object { [pscustomobject]@{ Name = "a/s$_"; Value = "v" } } | Set-BorgStoreItem -ThrottleLimit 1'
        $seen.Records.Count | Should -BeGreaterThan 3
        @($seen.Records | Where-Object PercentComplete -GE 0) | Should -BeNullOrEmpty
    }

    It 'has a percentage of the files of an import and of the items of a verification' {
        $folder = (New-Item (Join-Path $TestDrive "import-$(New-Guid)/a") -ItemType Directory).FullName
        1..30 | ForEach-Object { [IO.File]::WriteAllText("$folder/i$_", 'value') }
        $seen = Watch-Progress "Import-BorgStoreItem '$(Split-Path $folder)' -Store `$slow -ThrottleLimit 2"
        $seen.Thrown | Should -BeNullOrEmpty
        $known = @($seen.Records | Where-Object PercentComplete -GE 0)
        $known.StatusDescription | Select-Object -First 1 | Should -Match '^\d+ of 30 done'
        $known[-1].PercentComplete | Should -BeGreaterThan $known[0].PercentComplete

        $count = @(Get-BorgStoreItem a/* -Store $uri).Count
        $seen = Watch-Progress 'Test-BorgStore $slow -Integrity -ThrottleLimit 2'
        $seen.Thrown | Should -BeNullOrEmpty
        $known = @($seen.Records | Where-Object PercentComplete -GE 0)
        $known.StatusDescription | Select-Object -First 1 | Should -Match "^\d+ of $count done"
        $seen.LeftBehind | Should -Be 0
    }

    It 'shows the volume of large values' {
        $file = Join-Path $TestDrive big
        [IO.File]::WriteAllBytes($file, [byte[]]::new(6MB))
        $seen = Watch-Progress "Close-BorgStore `$slow; Open-BorgStore '$uri' @{ a = 0 } -Bandwidth 25MB; Set-BorgStoreItem a/big -Path '$file'" '0:0:0'
        $seen.Records.StatusDescription -match 'MiB at ' | Should -Not -BeNullOrEmpty
        $seen.LeftBehind | Should -Be 0
    }

    It 'is removed however the pipeline ends: <Name>' -ForEach @(
        @{ Name = 'Select-Object -First'; Script = '(@("a/x") * 40) | Get-BorgStoreItemContent -ThrottleLimit 2 | Select-Object -First 20' }
        @{ Name = 'an error upstream'; Script = '1..40 | ForEach-Object { if ($_ -eq 25) { throw "upstream" }; "a/x" } | Get-BorgStoreItemHash -ThrottleLimit 2' }
        @{ Name = 'an error of its own'; Script = '((@("a/x") * 20) + "a/none" + (@("a/x") * 20)) | Get-BorgStoreItemHash -ThrottleLimit 2 -ErrorAction Stop' }
        @{ Name = 'an error downstream'; Script = '(@("a/x") * 40) | Get-BorgStoreItemContent -ThrottleLimit 2 | ForEach-Object { if (++$script:n -eq 20) { throw "downstream" } }' }
    ) {
        $seen = Watch-Progress $Script
        $seen.Records.Count | Should -BeGreaterThan 1
        $seen.LeftBehind | Should -Be 0
    }

    It 'is not shown for short operations' {
        $seen = Watch-Progress 'Get-BorgStoreItem a/x; Get-BorgStoreItemContent a/x; Measure-BorgStore' '0:0:0'
        if ($seen.Elapsed.TotalSeconds -ge 1) { Set-ItResult -Skipped -Because 'this machine took longer than a second for it' }
        $seen.Records.Count | Should -Be 0
    }

    It 'is not shown with ProgressPreference SilentlyContinue' {
        (Watch-Progress '$ProgressPreference = "SilentlyContinue"; (@("a/x") * 20) | Get-BorgStoreItemHash -ThrottleLimit 2').Records.Count | Should -Be 0
    }
}
