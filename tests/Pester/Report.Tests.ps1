BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'Export-BorgStoreReport' {
    BeforeEach {
        $script:store = New-TestStore 30
        $script:page = "$TestDrive/report-$(New-Guid).html"
    }
    AfterEach { Close-AllStore }

    It 'writes a page without scripts, and shows growth the second time' {
        Remove-BorgStoreItem config/k0001 -Soft
        $file = Export-BorgStoreReport $page
        $file.FullName | Should -Be (Convert-Path $page)
        $html = Get-Content $page -Raw
        $html | Should -Match '<td class="name">config</td><td class="n">29</td>'
        $html | Should -Match 'This is the first report'
        $html | Should -Not -Match '<script|https?://'
        [pscustomobject]@{ Name = 'config/large'; Value = [byte[]]::new(2MB) } | Set-BorgStoreItem
        $null = Export-BorgStoreReport $page
        $html = Get-Content $page -Raw
        $html | Should -Match '\+1 since'
        $html | Should -Match '<polyline'
        $html | Should -Match '<td class="name">config/large</td><td class="n">2.00 MiB</td>'
    }

    It 'shows the last synchronisation and verification' {
        $copy = New-TestStore
        $null = Sync-BorgStore $store $copy -LogPath "$TestDrive/sync.jsonl"
        $null = Test-BorgStore $store -Integrity -Resume "$TestDrive/state.json"
        $null = Export-BorgStoreReport $page -Store $store -SyncLog "$TestDrive/sync.jsonl" -VerificationState "$TestDrive/state.json"
        $html = Get-Content $page -Raw
        $html | Should -Match 'Last synchronisation</td><td>[-0-9: ]+: 30 done, 0 failed'
        $html | Should -Match 'Last verification</td><td>[-0-9: ]+: 30 items checked, 0 problems'
    }

    It 'encodes names and keeps the histories of stores apart' {
        Set-BorgStoreItem 'config/<b>&' -Value ('x' * 100) -ErrorAction SilentlyContinue -ErrorVariable refused
        if ($refused) { Set-BorgStoreItem 'config/a&b' -Value ('x' * 100) }
        $null = Export-BorgStoreReport $page
        $html = Get-Content $page -Raw
        $html | Should -Match '&amp;'
        $html | Should -Not -Match '<b>'
        $other = New-TestStore
        { Export-BorgStoreReport $page -Store $other } | Should -Throw '*of another store*'
        { Export-BorgStoreReport $TestDrive -Store $store } | Should -Throw '*is a folder*'
        { Export-BorgStoreReport "$TestDrive/x.json" -Store $store } | Should -Throw '*ending in .html*'
        { Export-BorgStoreReport "$TestDrive/y.html" -Store $store -SyncLog "$TestDrive/none" } | Should -Throw 'There is no file*'
    }
}
