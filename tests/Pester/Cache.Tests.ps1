BeforeAll { . $PSScriptRoot/TestStore.ps1 }

Describe 'A store with a cache' {
    BeforeEach {
        $folder = Join-Path $TestDrive "cache-$(New-Guid)"
        $cache = [uri]::new($folder).AbsoluteUri
        $layout = @{ config = 0; data = @{ Levels = 2; Cache = 'WriteThrough'; MaxAge = '1.00:00:00'; Size = 4GB } }
        $store = New-BorgStore (New-TestUri) -Namespace $layout -CacheUri $cache
        Set-BorgStoreItem data/01234567 -Value one
        Set-BorgStoreItem data/89abcdef -Value two
        Set-BorgStoreItem config/main -Value three
        function Get-Cached { @(Get-ChildItem $folder -Recurse -File -Exclude *.hid | ForEach-Object Name | Sort-Object) }
    }
    AfterEach { Close-AllStore }

    It 'reads from the cache and names its statistics as in the Python package' {
        Get-Cached | Should -Be '01234567', '89abcdef'
        $null = Get-BorgStoreStatistic -Reset
        Get-BorgStoreItemContent data/01234567 -AsString | Should -Be 'one'
        $statistic = Get-BorgStoreStatistic
        $statistic.cache_hits, $statistic.cache_misses, $statistic.cache_errors, $statistic.backend_load_calls | Should -Be 1, 0, 0, 0
        $statistic.cache_hit_ratio | Should -Be 1
        $statistic.cache_disabled | Should -BeFalse
        $statistic.cache_load_volume | Should -Be 3
        $store.CacheUri | Should -Be $cache
    }

    It 'accepts cache settings for each namespace' {
        $policy = ($store.Namespace | Where-Object Name -eq data).Cache
        $policy.Mode | Should -Be 'WriteThrough'
        $policy.MaxAge | Should -Be '1.00:00:00'
        $policy.Size | Should -Be 4GB
        $policy.Verify | Should -BeFalse
        ($store.Namespace | Where-Object Name -eq config).Cache.Mode | Should -Be 'Off'
        $store | Close-BorgStore
        $store = Open-BorgStore $store.Uri -Namespace @{ data = @{ Levels = 2; Cache = 'mirror'; Verify = $true }; config = @{ Levels = 0; Cache = 'Off' } } -CacheUri $cache
        ($store.Namespace | Where-Object Name -eq data).Cache.Verify | Should -BeTrue
    }

    It 'can add caching to the namespaces of a preset' {
        $borg = New-BorgStore (New-TestUri) -Preset Borg2 -Namespace @{ packs = @{ Cache = 'WriteThrough'; Size = 1GB } } -CacheUri ($cache + '-borg')
        $packs = $borg.Namespace | Where-Object Name -eq packs
        "$($packs.Levels)", $packs.Cache.Mode | Should -Be '1', 'WriteThrough'
    }

    It 'rejects invalid cache settings' {
        Get-ErrorText { New-BorgStore (New-TestUri) -CacheUri $cache -Namespace @{ a = @{ Levels = 0; Cache = 'Sometimes' } } } | Should -BeLike "*'Sometimes', which is not one of Off, WriteThrough, Mirror*"
        Get-ErrorText { New-BorgStore (New-TestUri) -CacheUri $cache -Namespace @{ a = @{ Levels = 0; Cache = 'Mirror'; MaxAge = 'long' } } } | Should -BeLike "*'long', which is not a time span*"
        Get-ErrorText { New-BorgStore (New-TestUri) -CacheUri $cache -Namespace @{ a = @{ Levels = 0; Cache = 'Mirror'; Size = -1 } } } | Should -BeLike '*negative*'
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ a = @{ Levels = 0; Cache = 'Mirror' } } } | Should -BeLike '*-CacheUri*'
        Get-ErrorText { New-BorgStore (New-TestUri) -Namespace @{ a = 0 } -CacheUri $cache } | Should -BeLike "*Cache = 'WriteThrough'*"
    }

    It 'warns once about an unusable cache and remains usable' {
        $broken = Join-Path $TestDrive "broken-$(New-Guid)"
        Set-Content $broken 'no folder'
        $other = New-BorgStore (New-TestUri) -Namespace $layout -CacheUri ([uri]::new($broken).AbsoluteUri) -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        "$warnings" | Should -BeLike '*cache*not used*'
        Set-BorgStoreItem data/01234567 -Value one -Store $other -WarningVariable warnings
        Get-BorgStoreItemContent data/01234567 -AsString -Store $other -WarningVariable +warnings | Should -Be 'one'
        $warnings | Should -BeNullOrEmpty
        (Get-BorgStoreStatistic -Store $other).cache_disabled | Should -BeTrue
        $other | Close-BorgStore
    }

    It 'clears items by name or from the pipeline' {
        Clear-BorgStoreCache data/01234567
        Get-Cached | Should -Be '89abcdef'
        Get-BorgStoreItem data/* | Clear-BorgStoreCache
        Get-Cached | Should -BeNullOrEmpty
        Get-BorgStoreItemContent data/01234567 -AsString | Should -Be 'one'
        Remove-BorgStoreItem data/01234567 -Soft
        Get-Cached | Should -Be '01234567.del'
        Get-BorgStoreItem -Deleted | Clear-BorgStoreCache
        Get-Cached | Should -BeNullOrEmpty
        Clear-BorgStoreCache data/nowhere1
    }

    It 'clears a namespace or the whole cache' {
        Clear-BorgStoreCache -Namespace config
        Get-Cached | Should -HaveCount 2
        Clear-BorgStoreCache -Namespace data -WhatIf
        Get-Cached | Should -HaveCount 2
        Clear-BorgStoreCache -Namespace data
        Get-Cached | Should -BeNullOrEmpty
        $null = Get-BorgStoreItemContent data/01234567
        $store | Clear-BorgStoreCache -All
        Get-Cached | Should -BeNullOrEmpty
        Get-BorgStoreItem data/* | Should -HaveCount 2
        Get-ErrorId { Clear-BorgStoreCache -Namespace none } | Should -Be 'LayoutUnknown'
    }

    It 'does not take a namespace or a store from piped items' {
        $parameters = (Get-Command Clear-BorgStoreCache).Parameters
        $parameters['Namespace'].Attributes.Where({ $_ -is [Management.Automation.ParameterAttribute] }).ForEach{ $_.ValueFromPipeline; $_.ValueFromPipelineByPropertyName } |
            Should -Not -Contain $true
        Get-ErrorId { Get-BorgStoreItem data/01234567 | Clear-BorgStoreCache -All } | Should -Be 'InvalidArgument'
        Get-ErrorId { Get-BorgStoreItem data/01234567 | Clear-BorgStoreCache -Namespace data } | Should -Be 'InvalidArgument'
        Get-Cached | Should -HaveCount 2
    }

    It 'fails to clear the cache of a store without one' {
        $plain = New-TestStore
        Get-ErrorId { Clear-BorgStoreCache -All -Store $plain } | Should -Be 'InvalidArgument'
    }

    It 'is removed with its store' {
        $store | Remove-BorgStore -Force
        Test-Path $folder | Should -BeFalse
    }
}
