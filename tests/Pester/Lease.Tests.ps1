BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    $connections = [BorgStore.PowerShell.Session.BorgStoreHandle].GetProperty('Connection', [Reflection.BindingFlags] 'NonPublic, Instance')

    # Returns whether the store of an item is open.
    function Test-Lease($Item) {
        $connection = $connections.GetValue($Item.Store)
        $null -ne $connection.GetType().GetField('_store', [Reflection.BindingFlags] 'NonPublic, Instance').GetValue($connection)
    }
}

Describe 'A store given by its URL' {
    BeforeAll {
        $store = New-TestStore 10
        $store | Close-BorgStore
        $uri = $store.Uri
    }
    AfterEach { Get-BorgStore | Should -BeNullOrEmpty -Because 'a leased store is none of the open ones' }

    It 'is recognised again after levels or namespaces have changed' {
        $changing = New-BorgStore (New-TestUri) -Namespace @{ data = 1 }
        Set-BorgStoreItem data/0123 -Value x
        $changing | Close-BorgStore
        (Get-BorgStoreItem data/0123 -Store $changing.Uri).Level | Should -Be 1
        # Simulates another process.
        $folder = ([uri] $changing.Uri).LocalPath
        $null = New-Item -ItemType Directory $folder/data/01/23, $folder/more
        Move-Item $folder/data/01/0123 $folder/data/01/23/0123
        Set-Content $folder/more/x y
        (Get-BorgStoreItem -Store $changing.Uri).Name | Should -Be data/0123, more/x -Because 'a new namespace shows'
        Set-Content $folder/more/x2 y
        Move-Item $folder/data/01/23/0123 $folder/data/01/0123
        Remove-Item $folder/data/01/23
        Get-ErrorText { Get-BorgStoreItemContent data/0123 -Store $changing.Uri } | Should -BeLike "*'data' had level 2*level 1 now. Try again*"
        Get-BorgStoreItemContent data/0123 -Store $changing.Uri -AsString | Should -Be x
        Move-Item $folder/data/01/0123 $folder/data/0123
        Remove-Item $folder/data/01
        Get-ErrorId { Set-BorgStoreItem data/0456 -Value x -Store $changing.Uri } | Should -Be 'LayoutUnknown' -Because 'it would lie beside the others'
        Set-BorgStoreItem data/0456 -Value x -Store $changing.Uri
        (Get-BorgStoreItem data/* -Store $changing.Uri).Level | Should -Be 0, 0
    }

    It 'can be recreated with other levels under the same URL' {
        $again = New-BorgStore (New-TestUri) -Namespace @{ data = 1 }
        Set-BorgStoreItem data/0123 -Value x
        $again | Close-BorgStore
        $null = Get-BorgStoreItem data/0123 -Store $again.Uri
        Remove-BorgStore $again.Uri -Force
        $new = New-BorgStore $again.Uri -Namespace @{ data = 2 }
        Set-BorgStoreItem data/0123 -Value x
        $new | Close-BorgStore
        Set-BorgStoreItem data/0456 -Value x -Store $again.Uri
        (Get-BorgStoreItem data/* -Store $again.Uri).Level | Should -Be 2, 2
    }

    It 'is closed at the end of the pipeline and reopened for an item used later' {
        $items = Get-BorgStoreItem -Store $uri
        Test-Lease $items[0] | Should -BeFalse
        ($items | Get-BorgStoreItemContent -AsString)[0] | Should -Be 'value 1'
        Test-Lease $items[0] | Should -BeFalse
    }

    It 'is shared by the whole pipeline, even after the first cmdlet has ended' {
        $open = Get-BorgStoreItem -Store $uri | Sort-Object Name -Descending | ForEach-Object { Test-Lease $_ }
        $open | Select-Object -Unique | Should -BeTrue
        Get-BorgStoreItem -Store $uri | Sort-Object Name -Descending | Get-BorgStoreItemContent -AsString | Select-Object -First 1 | Should -Be 'value 10'
    }

    It 'is closed however the pipeline ends' {
        $item = Get-BorgStoreItem -Store $uri | Select-Object -First 1
        Test-Lease $item | Should -BeFalse
        try { Get-BorgStoreItem -Store $uri | ForEach-Object { $kept = $_; throw 'stop' } } catch { $null = $_ }
        Test-Lease $kept | Should -BeFalse
        $null = Get-BorgStoreItem config/none, config/k0001 -Store $uri -ErrorAction SilentlyContinue -OutVariable found
        Test-Lease $found[0] | Should -BeFalse
    }

    It 'stays open while a stream needs it' {
        $item = Get-BorgStoreItem config/k0001 -Store $uri
        $stream = $item | Get-BorgStoreItemContent -AsStream
        Test-Lease $item | Should -BeTrue
        $stream.Dispose()
        Test-Lease $item | Should -BeFalse

        $stream = $item | Get-BorgStoreItemContent -AsStream
        [IO.StreamReader]::new($stream).ReadToEnd() | Should -Be 'value 1'
        Test-Lease $item | Should -BeFalse -Because 'a stream that was read to its end needs nothing any more'
    }

    It 'can be changed if its levels are recognised' {
        Set-BorgStoreItem config/new -Value x -Store $uri
        Get-BorgStoreItem config/new -Store $uri | Remove-BorgStoreItem
        Test-BorgStoreItem config/new -Store $uri | Should -BeFalse
    }

    It 'can be the source and the destination of a copy' {
        $other = New-TestUri
        New-BorgStore $other @{ config = 0 } | Close-BorgStore
        Copy-BorgStoreItem config/k0001 config/k0001 -Store $uri -DestinationStore $other -ErrorAction SilentlyContinue -ErrorVariable failure
        $failure[0].FullyQualifiedErrorId | Should -BeLike 'LayoutUnknown,*' -Because 'an empty store has no levels to recognise'
        $store = Open-BorgStore $other @{ config = 0 }
        Get-BorgStoreItem -Store $uri | Copy-BorgStoreItem -DestinationStore $other
        @(Get-BorgStoreItem -Store $other).Count | Should -Be 10
        $store | Close-BorgStore
    }

    It 'can be piped as a property' {
        [pscustomobject]@{ Name = 'config/k0003'; Store = $uri } | Get-BorgStoreItemContent -AsString | Should -Be 'value 3'
    }

    It 'refers to the open store if it is open' {
        $open = Open-BorgStore $uri -Namespace @{ config = 0; fresh = 1 }
        Set-BorgStoreItem fresh/abc -Value x -Store $uri
        (Get-BorgStoreItem fresh/abc -Store $uri).Level | Should -Be 1
        Remove-BorgStoreItem fresh/abc
        $open | Close-BorgStore
    }
}

Describe 'An item of a closed store' {
    AfterEach { Close-AllStore }

    It 'gives an error until the store is opened again' {
        $store = New-TestStore 1
        $item = Get-BorgStoreItem
        $store | Close-BorgStore
        Get-ErrorId { $item | Get-BorgStoreItemContent } | Should -Be 'StoreNotOpen'
        $null = Open-BorgStore $store.Uri
        $item | Get-BorgStoreItemContent -AsString | Should -Be 'value 1'
    }
}
