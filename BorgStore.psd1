@{
    RootModule             = 'BorgStore.PowerShell.dll'
    ModuleVersion          = '0.1.0'
    GUID                   = 'c8f0b0a4-6f1b-4c0e-9a7d-2d4e5b7a9c31'
    Author                 = 'BorgStore contributors'
    CompanyName            = 'BorgStore contributors'
    Copyright              = 'Copyright (c) BorgStore contributors. BSD-3-Clause.'
    Description            = 'A key/value store for PowerShell that shares its stores with Borg 2 and the Python package borgstore.'
    PowerShellVersion      = '7.4'
    CompatiblePSEditions   = @('Core')
    FormatsToProcess       = @('BorgStore.format.ps1xml')
    CmdletsToExport        = @(
        'Clear-BorgStoreCache', 'Clear-BorgStoreTemporary', 'Close-BorgStore', 'Compare-BorgStore', 'Copy-BorgStoreItem', 'Export-BorgStoreItem'
        'Export-BorgStoreReport', 'Get-BorgStore', 'Get-BorgStoreItem', 'Get-BorgStoreItemContent', 'Get-BorgStoreItemHash', 'Get-BorgStoreLock', 'Get-BorgStoreQuota'
        'Get-BorgStoreServer', 'Get-BorgStoreServerUser', 'Get-BorgStoreStatistic', 'Import-BorgStoreItem', 'Invoke-BorgStoreDefrag', 'Measure-BorgStore', 'Move-BorgStoreItem'
        'New-BorgStore', 'New-BorgStorePermission', 'New-BorgStoreServerUser', 'Open-BorgStore', 'Remove-BorgStore', 'Remove-BorgStoreItem', 'Remove-BorgStoreLock'
        'Remove-BorgStoreServerUser', 'Restore-BorgStoreItem', 'Set-BorgStoreItem', 'Set-BorgStoreServerUser', 'Start-BorgStoreServer', 'Stop-BorgStoreServer', 'Sync-BorgStore', 'Test-BorgStore'
        'Test-BorgStoreItem', 'Test-BorgStorePermission'
    )
    FunctionsToExport      = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    PrivateData            = @{
        PSData = @{
            Tags         = @('Borg', 'BorgBackup', 'KeyValueStore', 'Storage', 'Backup', 'SFTP', 'S3', 'REST', 'rclone', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://licenses.nuget.org/BSD-3-Clause'
            # The one place that says where the project is to be found; the packages take it from here. No IconUri: the packages
            # carry their icon themselves.
            ProjectUri   = 'https://www.powershellgallery.com/packages/BorgStore'
            ReleaseNotes = 'CHANGELOG.md, in the folder of the module, tells what each version brings.'
        }
    }
}
