#Requires -Version 7.4
# Stores the files of a folder, or loads them back, 16 at a time: one program from its start to its end.
param([string] $Module, [string] $Url, [string] $What, [string] $Folder)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module $Module
$layout = @{ data = 1 }
switch ($What) {
    'store' {
        $store = Open-BorgStore $Url -Namespace $layout -Create
        Get-ChildItem $Folder | Set-BorgStoreItem -Namespace data -Store $store -ThrottleLimit 16
    }
    'load' {
        $store = Open-BorgStore $Url -Namespace $layout
        Get-BorgStoreItem -Namespace data -Store $store | Export-BorgStoreItem -Path $Folder -ThrottleLimit 16 | Out-Null
    }
}
Close-BorgStore $store
