BeforeDiscovery {
    $debian = Join-Path ($env:BORGSTORE_TEST_CACHE ?? "$($env:XDG_CACHE_HOME ?? "$HOME/.cache")/borgstore-tests") borg-root
    $hasServer = $IsLinux -and [Environment]::UserName -eq 'root' -and (Test-Path /usr/sbin/sshd) -and (Test-Path $debian)
}

BeforeAll {
    . $PSScriptRoot/TestStore.ps1
}

Describe 'A system with PowerShell and no ssh program' -Skip:(-not $hasServer) {
    It 'reaches a store over SFTP by password and by key' {
        Set-Content "$TestDrive/use.ps1" {
            $ErrorActionPreference = 'Stop'
            if (Get-Command ssh -ErrorAction Ignore) { throw 'There is an ssh program here.' }
            Import-Module $args[0]
            $password = ConvertTo-SecureString $env:SFTP_PASSWORD -AsPlainText -Force
            $items = 1..1000 | ForEach-Object { [pscustomobject]@{ Name = 'data/{0:x64}' -f $_; Value = "value $_" } }

            $null = New-BorgStore $env:SFTP_URL -Namespace @{ data = 2 } -Credential ([pscredential]::new($env:SFTP_USER, $password))
            $items | Set-BorgStoreItem
            @($items | Get-BorgStoreItemContent -AsString).Where{ $_ -match '^value \d+$' }.Count
            Close-BorgStore

            $null = Open-BorgStore $env:SFTP_URL.Replace('//', "//$env:SFTP_USER@")
            @(Get-BorgStoreItem -Namespace data).Count
            try { Open-BorgStore $env:SFTP_URL -Credential ([pscredential]::new($env:SFTP_USER, [securestring]::new())) } catch { "$_" }
        }.ToString()
        $pwsh = (Test-Path "$PSHOME/pwsh") ? @("$PSHOME/pwsh") : 'dotnet', "$PSHOME/pwsh.dll"
        $output = bash $PSScriptRoot/../systems/no-ssh @pwsh -NoProfile -NonInteractive -File "$TestDrive/use.ps1" (Convert-Path $modulePath) 2>&1
        $output -join '; ' | Should -BeLike '1000; 1000; Could not open*The password is empty.'
    }
}
