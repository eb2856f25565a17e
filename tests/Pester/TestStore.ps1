# Shared code of the tests, to be dot-sourced in BeforeAll.
$ErrorActionPreference = 'Stop'
if ($env:BORGSTORE_MODULE) {
    # The installed package, imported by name like users do.
    $modulePath = $env:BORGSTORE_MODULE
    Import-Module BorgStore
    $imported = (Get-Module BorgStore).ModuleBase
    if ($imported -ne (Convert-Path $modulePath)) { throw "The tests are for the module in '$modulePath', but Import-Module BorgStore took the one in '$imported'." }
}
else {
    $modulePath = Join-Path $PSScriptRoot '../../artifacts/BorgStore'
    Import-Module $modulePath
}

# Returns a URL for a store that does not exist yet.
function New-TestUri {
    [uri]::new((Join-Path $TestDrive "store-$(New-Guid)")).AbsoluteUri
}

# Returns an open store with a few items.
function New-TestStore([int] $Items = 0, [hashtable] $Namespace = @{ config = 0; data = 2 }) {
    $store = New-BorgStore (New-TestUri) -Namespace $Namespace
    if ($Items) {
        1..$Items | ForEach-Object { [pscustomobject]@{ Name = 'config/k{0:d4}' -f $_; Value = "value $_" } } |
            Set-BorgStoreItem -Store $store
    }
    $store
}

# Unpacks a store written by another implementation into a folder. Does not use tar, which some systems lack.
function Expand-GoldenStore([string] $Name, [string] $Folder) {
    $unpacked = New-Item (Join-Path $TestDrive "golden-$(New-Guid)") -ItemType Directory
    $archive = [IO.Compression.GZipStream]::new([IO.File]::OpenRead((Join-Path $PSScriptRoot "../Unit/data/golden/$Name.tar.gz")), [IO.Compression.CompressionMode]::Decompress)
    try { [Formats.Tar.TarFile]::ExtractToDirectory($archive, $unpacked.FullName, $true) } finally { $archive.Dispose() }
    Get-ChildItem (Join-Path $unpacked *) -Force | Get-ChildItem -Force | Move-Item -Destination $Folder
}

# Closes the stores that a test left open.
function Close-AllStore {
    Get-BorgStore | Close-BorgStore
}

# Returns the identifiers of a command's errors, without the name of the cmdlet.
function Get-ErrorId([scriptblock] $Command) {
    $ErrorActionPreference = 'Continue'
    try {
        & $Command 2>&1 | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | ForEach-Object { ($_.FullyQualifiedErrorId -split ',')[0] }
    }
    catch {
        ($_.FullyQualifiedErrorId -split ',')[0]
    }
}

# Returns the message of the first error of a command.
function Get-ErrorText([scriptblock] $Command) {
    $ErrorActionPreference = 'Continue'
    try {
        (& $Command 2>&1 | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | Select-Object -First 1).Exception.Message
    }
    catch {
        $_.Exception.Message
    }
}
