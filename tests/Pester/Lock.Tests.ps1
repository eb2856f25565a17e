BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    # Writes a lock of somebody else, as Borg before 2.0.0b25 does, and returns its name.
    function Add-Lock([string] $Folder, [bool] $Exclusive, [string] $Owner = 'elsewhere@1', [int] $ProcessId = 4711, [datetime] $Time = [datetime]::UtcNow) {
        $json = [ordered]@{ exclusive = $Exclusive; hostid = $Owner; processid = $ProcessId; threadid = 0; time = $Time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+00:00'") } | ConvertTo-Json -Compress
        $bytes = [Text.Encoding]::UTF8.GetBytes($json)
        $key = [Convert]::ToHexString([Security.Cryptography.SHA256]::HashData($bytes)).ToLower()
        $null = New-Item "$Folder/locks" -ItemType Directory -Force
        [IO.File]::WriteAllBytes("$Folder/locks/$key", $bytes)
        [IO.File]::SetLastWriteTimeUtc("$Folder/locks/$key", $Time)
        "locks/$key"
    }

    # Sets how long a drive holds a lock after a change.
    function Set-HoldTime([timespan] $Time) {
        (Get-PSDrive -PSProvider BorgStore | Select-Object -First 1).GetType().Assembly.GetType('BorgStore.PowerShell.Drive.DriveLock').GetProperty('HoldTime', [Reflection.BindingFlags] 'NonPublic, Static').SetValue($null, $Time)
    }

    function Get-LockFile([string] $Folder) { Get-ChildItem "$Folder/locks" -ErrorAction Ignore }
}

Describe 'Locks of a Borg repository' {
    BeforeEach {
        $env:BORG_LOCK_WAIT = '0'
        $folder = (New-Item (Join-Path $TestDrive "borg-$(New-Guid)") -ItemType Directory).FullName
        Expand-GoldenStore borg-b22 $folder
        $store = Open-BorgStore ([uri]::new($folder).AbsoluteUri)
    }
    AfterEach {
        $env:BORG_LOCK_WAIT = $null
        Close-AllStore
    }

    It 'are listed with their owner, kind and state' {
        $name = Add-Lock $folder $true
        $old = Add-Lock $folder $false -Time ([datetime]::UtcNow.AddHours(-1))
        $locks = Get-BorgStoreLock | Sort-Object IsExclusive
        $locks.Name | Should -Be $old, $name
        $locks.Owner | Should -Be 'elsewhere@1', 'elsewhere@1'
        $locks.ProcessId | Should -Be 4711, 4711
        $locks.IsExclusive | Should -Be $false, $true
        $locks.State | Should -Be 'Expired', 'Live'
        $locks[0].Age | Should -BeGreaterThan ([timespan]'0:59')
        $locks | Out-String | Should -Match '(?s)shared\s+Expired\s+1 h\s+4711 elsewhere@1\s+locks/.*exclusive\s+Live\s+\d+ s\s+4711 elsewhere@1'
        $locks | ConvertTo-Csv | Should -Not -BeNullOrEmpty
    }

    It 'are removed if they are stale, others only with -Force' {
        $live = Add-Lock $folder $true
        $null = Add-Lock $folder $false -Time ([datetime]::UtcNow.AddHours(-1))
        Get-BorgStoreLock | Remove-BorgStoreLock -Stale -WhatIf
        (Get-LockFile $folder).Count | Should -Be 2
        Get-ErrorId { Get-BorgStoreLock | Remove-BorgStoreLock } | Should -Be 'StoreLocked'
        (Get-BorgStoreLock).Name | Should -Be $live
        Remove-BorgStoreLock -Stale
        (Get-BorgStoreLock).Name | Should -Be $live
        Get-ErrorId { Remove-BorgStoreLock locks/none } | Should -Be 'ObjectNotFound'
        Get-ErrorId { Remove-BorgStoreLock -Force } | Should -Be 'InvalidArgument'
        (Get-BorgStoreLock | Remove-BorgStoreLock -Force -PassThru).Name | Should -Be $live
        Get-LockFile $folder | Should -BeNullOrEmpty
    }

    It 'are an error in other stores' {
        $other = New-TestStore
        Get-ErrorText { $other | Get-BorgStoreLock } | Should -BeLike "*'$($other.Uri)' is not a Borg 2 repository*"
        Get-ErrorId { Remove-BorgStoreLock -Stale -Store $other } | Should -Be 'NotSupported'
    }

    It 'are held by cmdlets that change something until the pipeline ends, and no longer' {
        $pack = Get-BorgStoreItem -Namespace packs | Select-Object -First 1
        $kinds = Set-BorgStoreItem cache/mine -Value 'x' -PassThru | ForEach-Object { Get-BorgStoreLock } | Select-Object IsExclusive, IsOwn, State
        "$kinds" | Should -Be '@{IsExclusive=False; IsOwn=True; State=Live}'
        $kinds = $pack | Remove-BorgStoreItem -Soft -PassThru | Restore-BorgStoreItem -PassThru | ForEach-Object { Get-BorgStoreLock } | ForEach-Object IsExclusive | Sort-Object
        $kinds | Should -Be $false, $true -Because 'one pipeline does not lock itself out'
        Get-LockFile $folder | Should -BeNullOrEmpty
        try { Set-BorgStoreItem cache/mine -Value 'x' -PassThru | ForEach-Object { throw 'early' } } catch { $_.Exception.Message | Should -Be 'early' }
        Get-LockFile $folder | Should -BeNullOrEmpty
        $pack | Remove-BorgStoreItem -WhatIf
        Get-BorgStoreItemHash $pack.Name
        Test-Path "$folder/locks/*" | Should -BeFalse
    }

    It 'keep cmdlets from removing and moving what others need' {
        $null = Add-Lock $folder $false
        $pack = Get-BorgStoreItem -Namespace packs | Select-Object -First 1
        $all = Get-BorgStoreItem -Namespace packs
        Get-ErrorText { $all | Remove-BorgStoreItem } | Should -BeLike "The Borg repository '$($store.Uri)' is locked: shared lock of process 4711 on elsewhere@1*Remove-BorgStoreLock*"
        Get-ErrorId { $pack | Move-BorgStoreItem -Destination packs/other } | Should -Be 'StoreLocked'
        Get-ErrorId { $pack | Invoke-BorgStoreDefrag -RemoveSource } | Should -Be 'StoreLocked'
        Get-ErrorId { Remove-BorgStore $store.Uri -Confirm:$false } | Should -Be 'StoreLocked'
        (Get-BorgStoreItem -Namespace packs).Count | Should -Be $all.Count

        Set-BorgStoreItem cache/one -Value '1' -WarningVariable warnings 3>$null
        'cache/one', 'cache/two' | ForEach-Object { [pscustomobject]@{ Name = $_; Value = 'x' } } | Set-BorgStoreItem -WarningVariable +warnings 3>$null
        $warnings.Count | Should -Be 2 -Because 'each pipeline warns once'
        $warnings[1] | Should -BeLike "*is in use: shared lock of process 4711*"
        (Get-LockFile $folder).Count | Should -Be 1

        $null = Add-Lock $folder $true
        Get-ErrorId { Set-BorgStoreItem cache/one -Value '2' } | Should -Be 'StoreLocked'
        Get-ErrorId { Copy-BorgStoreItem cache/one cache/three } | Should -Be 'StoreLocked'
        Get-BorgStoreItem -Namespace locks | Remove-BorgStoreItem
        Get-LockFile $folder | Should -BeNullOrEmpty -Because 'locks themselves need none'
        Remove-BorgStore $store.Uri -Confirm:$false
        Test-Path $folder/config | Should -BeFalse
    }

    It 'are held by changes through a drive for a moment, of the kind that the item cmdlets take' {
        $null = New-PSDrive repo BorgStore $store -Scope Global
        try {
            Set-HoldTime 1:00:00
            $pack = (Get-BorgStoreItem -Namespace packs | Select-Object -First 1).Name
            Test-Path repo:/cache/mine | Should -BeFalse
            $null = Get-Content repo:/config/readme -ErrorAction Ignore
            Get-LockFile $folder | Should -BeNullOrEmpty -Because 'reading needs none'

            Set-Content repo:/cache/mine x -WhatIf
            Get-LockFile $folder | Should -BeNullOrEmpty
            Set-Content repo:/cache/mine x
            $first = Get-BorgStoreLock
            "$($first.IsExclusive) $($first.IsOwn)" | Should -Be 'False True'
            Set-Content repo:/cache/mine2 x
            (Get-BorgStoreLock).Name | Should -Be $first.Name -Because 'consecutive changes share it'
            Copy-Item repo:/cache/mine repo:/cache/mine3
            Rename-Item repo:/cache/mine3 mine4
            (Get-BorgStoreLock).IsExclusive | Should -BeTrue
            Remove-Item repo:/cache/mine4
            @(Get-BorgStoreLock).Count | Should -Be 1
            Set-HoldTime 0:00:00.05
            Set-Content repo:/cache/mine5 x
            while (Get-LockFile $folder) { Start-Sleep -Milliseconds 50 }

            Set-HoldTime 1:00:00
            Remove-Item repo:/cache/mine
            (Get-BorgStoreLock).IsExclusive | Should -BeTrue
            Remove-Item "repo:/$pack" -Soft
            Set-Content repo:/cache/mine x
            @(Get-BorgStoreLock).Count | Should -Be 1
        }
        finally {
            Set-HoldTime 0:00:01
            Remove-PSDrive repo
        }
        Get-LockFile $folder | Should -BeNullOrEmpty -Because 'they end with the drive'
    }

    It 'of others stop changes through a drive' {
        $null = New-PSDrive repo BorgStore $store -Scope Global
        try {
            $pack = (Get-BorgStoreItem -Namespace packs | Select-Object -First 1).Name
            $all = @(Get-BorgStoreItem -Namespace packs).Count
            Set-HoldTime 0:00:00.05
            $null = Add-Lock $folder $false
            Set-Content repo:/cache/one 1 -WarningVariable warnings 3>$null
            $warnings | Should -BeLike '*is in use: shared lock of process 4711*'
            Get-Content repo:/cache/one | Should -Be 1
            Get-ErrorText { Remove-Item "repo:/$pack" } | Should -BeLike "The Borg repository '$($store.Uri)' is locked: shared lock of process 4711*"
            Get-ErrorId { Rename-Item "repo:/$pack" other } | Should -Be 'StoreLocked'
            Get-ErrorId { Remove-Item repo:/packs -Recurse -Force } | Should -Be 'StoreLocked'
            @(Get-BorgStoreItem -Namespace packs).Count | Should -Be $all
            while (@(Get-LockFile $folder).Count -gt 1) { Start-Sleep -Milliseconds 50 }

            $null = Add-Lock $folder $true
            Get-ErrorId { Set-Content repo:/cache/two 2 } | Should -Be 'StoreLocked'
            Get-ErrorId { New-Item repo:/cache/three -Value three } | Should -Be 'StoreLocked'
            Get-ErrorId { Copy-Item repo:/cache/one repo:/cache/four } | Should -Be 'StoreLocked'
            Get-ChildItem repo:/cache -Name | Should -Not -Contain two
            Get-ChildItem repo:/locks | Remove-Item
            Get-LockFile $folder | Should -BeNullOrEmpty -Because 'locks themselves need none'
            Set-Content repo:/cache/two 2
            Get-Content repo:/cache/two | Should -Be 2
        }
        finally {
            Set-HoldTime 0:00:01
            Remove-PSDrive repo
        }
    }

    It 'of a drive end with the session' {
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript("Import-Module '$modulePath'; `$null = New-PSDrive repo BorgStore '$($store.Uri)' -Scope Global; Set-Content repo:/cache/mine x; (Get-PSDrive repo).Store.IsOpen").Invoke() | Should -BeTrue
            $shell.HadErrors | Should -BeFalse
        }
        finally { $shell.Dispose() }
        Get-LockFile $folder | Should -BeNullOrEmpty
    }

    It 'are done without where they may not be written' {
        $store | Close-BorgStore
        $null = Open-BorgStore $store.Uri -Permission @{ '' = 'lrwWD'; locks = 'lr' }
        Set-BorgStoreItem cache/one -Value '1' -WarningVariable warnings 3>$null
        $warnings | Should -BeLike '*is used without a lock*'
        Get-BorgStoreItemContent cache/one -AsString | Should -Be '1'
    }

    It 'cost nothing in other stores, and a few requests per pipeline in a repository' {
        $other = New-TestStore 20
        $null = Get-BorgStoreStatistic -Store $other -Reset
        Get-BorgStoreItem -Namespace config -Store $other | Remove-BorgStoreItem
        $statistic = Get-BorgStoreStatistic -Store $other
        $statistic.BackendLoadCount, $statistic.BackendStoreCount, $statistic.BackendDeleteCount | Should -Be 0, 0, 20

        1..20 | ForEach-Object { [pscustomobject]@{ Name = "cache/k$_"; Value = 'x' } } | Set-BorgStoreItem -Store $store
        $null = Get-BorgStoreStatistic -Store $store -Reset
        Get-BorgStoreItem cache/k* -Store $store | Remove-BorgStoreItem
        $statistic = Get-BorgStoreStatistic -Store $store
        $statistic.BackendDeleteCount | Should -Be 21
        $statistic.BackendStoreCount | Should -Be 1
    }
}
