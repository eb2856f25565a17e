BeforeAll {
    $build = Convert-Path $PSScriptRoot/../../build.ps1
    $version = (Import-PowerShellDataFile $PSScriptRoot/../../BorgStore.psd1).ModuleVersion

    # Creates a folder like the output of Pack, with packages of a few bytes.
    function New-PackageFolder {
        $folder = New-Item (Join-Path $TestDrive ([guid]::NewGuid())) -ItemType Directory
        Set-Content (Join-Path $folder "BorgStore.$version.nupkg") module
        Set-Content (Join-Path $folder "BorgStore.Core.$version.nupkg") core
        Set-Content (Join-Path $folder "BorgStore.Core.$version.snupkg") symbols
        $folder.FullName
    }
}

Describe 'A release' {
    It 'is rejected if its tag names another version' {
        { & $build -Task Checksum -PackagePath (New-PackageFolder) -Tag v99.0.0 } | Should -Throw "*does not name the version $version*"
    }

    It 'lists the checksum of each file in the format of sha256sum' {
        $folder = New-PackageFolder
        & $build -Task Checksum, Checksum -PackagePath $folder -Tag "v$version"
        $lines = Get-Content (Join-Path $folder SHA256SUMS)
        $lines | Should -HaveCount 3
        foreach ($line in $lines) {
            $hash, $name = $line -split '  '
            $hash | Should -BeExactly (Get-FileHash (Join-Path $folder $name)).Hash.ToLowerInvariant()
        }
    }

    It 'reports that it is not signed without a certificate' {
        & $build -Task Sign -PackagePath (New-PackageFolder) | Should -BeLike 'Not signed*'
    }
}

# Wine's implementation of HttpListener sends no responses.
Describe 'Publishing' -Skip:([bool] $env:BORGSTORE_TEST_WINE) {
    BeforeEach {
        $folder = New-PackageFolder
        $feed = [System.Net.HttpListener]::new()
        $port = Get-Random -Minimum 20000 -Maximum 30000
        $feed.Prefixes.Add("http://127.0.0.1:$port/")
        $feed.Start()
        # A feed that stores packages, and a response for each of them.
        $serving = Start-ThreadJob {
            $feed, $port, $answer = $using:feed, $using:port, 201
            while ($feed.IsListening) {
                try { $context = $feed.GetContext() } catch { break }
                if ($context.Request.HttpMethod -eq 'GET') {
                    $text = @{ resources = @(@{ '@type' = 'SearchQueryService'; '@id' = 'http://127.0.0.1:1/' }, @{ '@type' = 'PackagePublish/2.0.0'; '@id' = "http://127.0.0.1:$port/put" }) } | ConvertTo-Json -Depth 5
                    $context.Response.ContentType = 'application/json'
                    $context.Response.OutputStream.Write([Text.Encoding]::UTF8.GetBytes($text))
                }
                else {
                    $body = [IO.StreamReader]::new($context.Request.InputStream).ReadToEnd()
                    "$($context.Request.RawUrl) $($context.Request.Headers['X-NuGet-ApiKey']) $([regex]::Match($body, 'filename=["]?([^";\r\n]+)').Groups[1].Value)"
                    $context.Response.StatusCode = if ($body -match '\bknown\b') { 409 } elseif ($body -match '\brefused\b') { 403 } else { $answer }
                }
                $context.Response.Close()
            }
        }
        $names = 'BORGSTORE_MODULE_FEED', 'BORGSTORE_MODULE_KEY', 'BORGSTORE_LIBRARY_FEED', 'BORGSTORE_LIBRARY_KEY'
        $values = "http://127.0.0.1:$port/index.json", 'key-of-modules', "http://127.0.0.1:$port/direct", 'key-of-libraries'
        for ($i = 0; $i -lt 4; $i++) { [Environment]::SetEnvironmentVariable($names[$i], $values[$i]) }
    }
    AfterEach {
        $feed.Close()
        Remove-Job $serving -Force
        $names | ForEach-Object { [Environment]::SetEnvironmentVariable($_, $null) }
    }

    It 'pushes the module and the libraries to their feeds with their keys' {
        & $build -Task Publish -PackagePath $folder -Tag "v$version" | Should -HaveCount 2
        $feed.Close()
        Receive-Job $serving -Wait | Sort-Object | Should -Be @(
            "/direct key-of-libraries BorgStore.Core.$version.nupkg", "/put key-of-modules BorgStore.$version.nupkg")
    }

    It 'skips packages already published' {
        Set-Content (Join-Path $folder "BorgStore.Core.$version.nupkg") known
        & $build -Task Publish -PackagePath $folder | Should -Contain "BorgStore.Core.$version.nupkg was published before"
    }

    It 'fails if the feed rejects a package, without showing the key' {
        Set-Content (Join-Path $folder "BorgStore.Core.$version.nupkg") refused
        $failure = { & $build -Task Publish -PackagePath $folder } | Should -Throw '*HTTP status 403*' -PassThru
        "$failure" | Should -Not -BeLike '*key-of*'
    }

    It 'requires a key for each feed' {
        $env:BORGSTORE_LIBRARY_KEY = ''
        { & $build -Task Publish -PackagePath $folder } | Should -Throw '*BORGSTORE_LIBRARY_KEY*'
    }
}
