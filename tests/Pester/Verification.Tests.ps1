BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    # Flips one bit of a file.
    function Set-Damage($File, $Position = 1) {
        $bytes = [IO.File]::ReadAllBytes($File)
        $bytes[$Position] = $bytes[$Position] -bxor 1
        [IO.File]::WriteAllBytes($File, $bytes)
    }
}

Describe 'Test-BorgStore -Integrity' {
    BeforeEach {
        $folder = (New-Item "$TestDrive/$(New-Guid)" -ItemType Directory).FullName
        Expand-GoldenStore borg-b25 $folder
        $url = [uri]::new($folder).AbsoluteUri
        $pack = Get-ChildItem $folder/packs/34 -File
        $state = "$TestDrive/$(New-Guid).json"
    }
    AfterEach { Close-AllStore }

    It 'says of a clean repository how much was checked' {
        $result = @(Test-BorgStore $url -Integrity)
        $result.Count | Should -Be 1
        $result | Should -BeOfType BorgStore.PowerShell.Output.BorgStoreVerification
        $result.ItemsChecked | Should -Be 17
        $result.Bytes | Should -Be (Get-ChildItem $folder -Recurse -File | Measure-Object Length -Sum).Sum
        $result.NotCheckable | Should -Be 6
        $result.Problems | Should -Be 0
        $result.IsComplete | Should -BeTrue
        $result.FindsMissing | Should -BeFalse -Because 'the index is encrypted'
        Test-BorgStore -Path $folder -Integrity -Quiet | Should -BeTrue
    }

    It 'reports each problem as an object, and a summary last' {
        Set-Damage $pack
        Set-Content "$folder/packs/11/Thumbs.db" x
        $result = @(Test-BorgStore $url -Integrity)
        $result.Count | Should -Be 3
        ($result | Where-Object Problem | Sort-Object Problem).Problem | Should -Be 'Damaged', 'Foreign'
        $damaged = $result | Where-Object Problem -eq Damaged
        $damaged.Name | Should -Be "packs/$($pack.Name)"
        $damaged.Expected | Should -Be $pack.Name
        $damaged.Actual | Should -Be (Get-BorgStoreItemHash $damaged.Name BLAKE3 -Store $url).Hash
        $damaged.Reason | Should -BeLike '*object 1 of the pack*'
        ($result | Where-Object Problem -eq Foreign).Name | Should -Be 'packs/11/Thumbs.db'
        $result[-1].Problems | Should -Be 2
        Test-BorgStore $url -Integrity -Quiet | Should -BeFalse
        $result | ConvertTo-Json -Depth 3 | Should -BeLike '*"Problem"*'
        ($result | Out-String) | Should -BeLike '*Problem  *Damaged*ItemsChecked*17*'
    }

    It 'verifies only the given namespaces of an open store' {
        Set-Damage $pack
        $store = Open-BorgStore $url
        ($store | Test-BorgStore -Namespace index, keys).ItemsChecked | Should -Be 5
        ($store | Test-BorgStore -Namespace packs)[-1].Damaged | Should -Be 1
        Get-ErrorId { Test-BorgStore -Namespace photos } | Should -Be 'LayoutUnknown'
    }

    It 'continues with -Resume after Ctrl-C, and checks each item once' {
        $store = New-TestStore -Namespace @{ data = 2 }
        1..300 | ForEach-Object { [pscustomobject]@{ Name = "data/key$($_.ToString('d4'))"; Value = "$_" } } | Set-BorgStoreItem
        Remove-Item (Get-ChildItem ([uri] $store.Uri).LocalPath -Recurse -File | Select-Object -First 1) -Force
        Close-AllStore
        # As slow as a storage far away.
        $env:BORGSTORE_LATENCY = 10000
        try {
            $shell = [powershell]::Create()
            $null = $shell.AddScript({ param($module, $url, $state) Import-Module $module; Test-BorgStore $url -Integrity -Resume $state -ThrottleLimit 2 }).AddArgument($modulePath).AddArgument($store.Uri).AddArgument($state)
            $running = $shell.BeginInvoke()
            while (-not (Test-Path $state)) { Start-Sleep -Milliseconds 20 }
            Start-Sleep -Milliseconds 400
            $shell.Stop()
            $shell.Dispose()
        }
        finally { Remove-Item Env:BORGSTORE_LATENCY }
        $first = (Get-Content $state -Raw | ConvertFrom-Json).Counts.Items
        $first | Should -BeGreaterThan 0
        $first | Should -BeLessThan 299
        $rest = Test-BorgStore $store.Uri -Resume $state
        $rest.ItemsChecked | Should -Be (299 - $first)
        $rest.PassItemsChecked | Should -Be 299
        $rest.IsComplete | Should -BeTrue
    }

    It 'checks the next part with -Percent and with -MaxDuration' {
        $parts = do { $part = Test-BorgStore $url -Percent 30 -Resume $state; $part } until ($part.IsComplete)
        ($parts | Measure-Object ItemsChecked -Sum).Sum | Should -Be 17
        $parts.Count | Should -BeIn 3, 4
        (Test-BorgStore $url -MaxDuration 0:0:0.0000001 -Resume $state).ItemsChecked | Should -BeLessThan 3
        (Test-BorgStore $url -Resume $state).PassItemsChecked | Should -Be 17
    }

    It 'refuses arguments that mean nothing, and what is no store' {
        Get-ErrorText { Test-BorgStore $url -Percent 0 } | Should -BeLike '*above 0*'
        Get-ErrorText { Test-BorgStore $url -MaxDuration 30 } | Should -BeLike '*no unit*'
        $null = Test-BorgStore $url -Resume $state
        $other = New-TestStore -Items 1
        Get-ErrorText { Test-BorgStore $other.Uri -Resume $state -Quiet } | Should -BeLike '*another store*'
        $empty = (New-Item "$TestDrive/$(New-Guid)" -ItemType Directory).FullName
        Get-ErrorText { Test-BorgStore -Path $empty -Integrity } | Should -BeLike '*is empty*mounted*'
        Test-BorgStore -Path $empty -Integrity -Quiet | Should -BeFalse
        Test-BorgStore "$($other.Uri)-none" -Integrity -Quiet | Should -BeFalse
        $photos = New-Item "$empty/photos" -ItemType Directory
        Set-Content "$photos/one.jpg" x
        Get-ErrorText { Test-BorgStore -Path $empty -Integrity } | Should -BeLike '*photos/one.jpg*'
    }
}
