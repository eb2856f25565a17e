BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    $manifestPath = Convert-Path (Join-Path $modulePath BorgStore.psd1)
    $manifest = Import-PowerShellDataFile $manifestPath
    $files = Get-ChildItem $modulePath -File -Recurse | ForEach-Object { [IO.Path]::GetRelativePath((Convert-Path $modulePath), $_.FullName).Replace('\', '/') }
}

Describe 'The manifest' {
    It 'is valid and has the metadata for the gallery' {
        $info = Test-ModuleManifest $manifestPath
        $info.CompatiblePSEditions | Should -Be Core
        $info.PowerShellVersion.ToString() | Should -Be 7.4
        $info.LicenseUri.Scheme | Should -Be https
        $info.ProjectUri.Scheme | Should -Be https
        $info.ReleaseNotes | Should -Not -BeNullOrEmpty
        $info.Tags | Should -Contain Borg
        $info.Author, $info.Copyright, $info.Description | Should -Not -BeNullOrEmpty
    }

    It 'exports exactly the cmdlets' {
        $cmdlets = (Get-Module BorgStore).ImplementingAssembly.GetExportedTypes() |
            ForEach-Object { $_.GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false) } |
            ForEach-Object { "$($_.VerbName)-$($_.NounName)" }
        $manifest.CmdletsToExport | Sort-Object | Should -Be ($cmdlets | Sort-Object)
        $manifest.FunctionsToExport, $manifest.VariablesToExport, $manifest.AliasesToExport | ForEach-Object { $_ } | Should -BeNullOrEmpty
    }

    It 'has the version of the assemblies' {
        (Get-Module BorgStore).ImplementingAssembly.GetName().Version.ToString(3) | Should -Be $manifest.ModuleVersion
    }
}

Describe 'The folder of the module' {
    It 'contains the licence, the third-party notices and the changelog' {
        $files | Should -Contain LICENSE
        $files | Should -Contain THIRD-PARTY-NOTICES.txt
        $files | Should -Contain CHANGELOG.md
    }

    It 'names every third-party library in the notices' {
        $notices = Get-Content (Join-Path $modulePath THIRD-PARTY-NOTICES.txt) -Raw
        foreach ($library in $files -like '*.dll' | Split-Path -LeafBase | Sort-Object -Unique | Where-Object { $_ -notmatch '^borgstore' }) {
            $notices | Should -Match ([regex]::Escape($library))
        }
    }

    It 'contains one Core for PowerShell and no PowerShell assemblies' {
        $files -match '^(?!server/).*BorgStore\.Core\.dll$' | Should -Be BorgStore.Core.dll
        $files -match '^(?!server/).*Blake3\.dll$' | Should -Be Blake3.dll
        $files -match 'System\.Management\.Automation|PowerShellStandard' | Should -BeNullOrEmpty
    }

    It 'contains no files for developers' -Skip:(-not $env:BORGSTORE_PACKAGE) {
        $files -match '\.(pdb|cs)$|(?<!-Help|\.format)\.(xml|ps1xml)$' | Should -BeNullOrEmpty
    }
}

Describe 'Importing the module' {
    It 'loads only its own two assemblies, and those of a backend with its first store' {
        $script = "`$before = [AppDomain]::CurrentDomain.GetAssemblies(); Import-Module '$manifestPath'
            [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_ -notin `$before } | ForEach-Object { `$_.GetName().Name }"
        $loaded = & pwsh -NoProfile -NonInteractive -Command $script
        # PowerShell loads assemblies of its own, some in the background.
        $own = & pwsh -NoProfile -NonInteractive -Command 'Start-Sleep 2; [AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { $_.GetName().Name }'
        $loaded -notlike 'Microsoft.PowerShell.*' | Where-Object { $_ -notin $own } | Sort-Object | Should -Be BorgStore.Core, BorgStore.PowerShell
    }

    It 'supports BLAKE3 in a session that loads another version of its library <_>' -ForEach 'before', 'after' {
        $script = Join-Path $TestDrive "$_.ps1"
        Set-Content $script @'
            param($module, $uri, $folder, $order)
            $other = Join-Path $folder Blake3.dll
            Add-Type -OutputAssembly $other -TypeDefinition '[assembly: System.Reflection.AssemblyVersion("2.0.0.0")] namespace Blake3 { public class Hasher { } }'
            function Use-Other { "other $([Reflection.Assembly]::LoadFrom($other).GetName().Version)" }
            if ($order -eq 'before') { Use-Other }
            Import-Module $module
            $store = New-BorgStore $uri @{ config = 0 }
            Set-BorgStoreItem config/abc abc -Store $store
            (Get-BorgStoreItemHash config/abc BLAKE3 -Store $store).Hash.Substring(0, 8)
            Close-BorgStore $store
            if ($order -eq 'after') { Use-Other }
'@
        $folder = New-Item (Join-Path $TestDrive "other-$_") -ItemType Directory
        $expected = if ($_ -eq 'before') { 'other 2.0.0.0', '6437b3ac' } else { '6437b3ac', 'other 2.0.0.0' }
        & pwsh -NoProfile -NonInteractive -File $script $manifestPath (New-TestUri) $folder $_ | Should -Be $expected
    }
}

Describe 'The package' -Skip:(-not $env:BORGSTORE_PACKAGE) {
    BeforeAll {
        $zip = [IO.Compression.ZipFile]::OpenRead($env:BORGSTORE_PACKAGE)
        $reader = [IO.StreamReader]::new($zip.GetEntry('BorgStore.nuspec').Open())
        $metadata = ([xml]$reader.ReadToEnd()).package.metadata
        $entries = $zip.Entries.FullName
        $reader.Dispose()
        $zip.Dispose()
    }

    It 'is named by module and version' {
        Split-Path $env:BORGSTORE_PACKAGE -Leaf | Should -Be "BorgStore.$($manifest.ModuleVersion).nupkg"
        $metadata.id | Should -Be BorgStore
        $metadata.version | Should -Be $manifest.ModuleVersion
    }

    It 'has the metadata of the manifest' {
        $metadata.description | Should -Be $manifest.Description
        $metadata.authors | Should -Be $manifest.Author
        $metadata.license.InnerText | Should -Be BSD-3-Clause
        $metadata.projectUrl | Should -Be $manifest.PrivateData.PSData.ProjectUri
        $metadata.releaseNotes | Should -Not -BeNullOrEmpty
        $metadata.SelectSingleNode("*[local-name() = 'dependencies']") | Should -BeNullOrEmpty
    }

    It 'has the gallery tags for a module and for each of its cmdlets' {
        $tags = $metadata.tags -split ' '
        $tags | Should -Contain PSModule
        $tags | Should -Contain PSEdition_Core
        $tags | Should -Contain PSIncludes_Cmdlet
        $tags -match '^PSCmdlet_' -replace '^PSCmdlet_' | Sort-Object | Should -Be ($manifest.CmdletsToExport | Sort-Object)
        $tags -match '^PSCommand_' -replace '^PSCommand_' | Sort-Object | Should -Be ($manifest.CmdletsToExport | Sort-Object)
        $manifest.PrivateData.PSData.Tags | Where-Object { $_ -notin $tags } | Should -BeNullOrEmpty
    }

    It 'has the module at its root, with an icon' {
        $entries | Should -Contain BorgStore.psd1
        $entries | Should -Contain BorgStore.PowerShell.dll
        $entries | Should -Contain $metadata.icon
    }
}
