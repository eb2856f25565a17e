# Runs the tests at the prompt under Wine, with the parameters of tests/Pester/Invoke-Tests.ps1.
# Wine finds no pwsh.exe by the pattern "pwsh.*", and so PowerShell finds no program by its name.
foreach ($name in 'dotnet', 'pwsh') {
    $program = $env:PATH -split ';' | ForEach-Object { Join-Path $_ "$name.exe" } | Where-Object { Test-Path $_ } | Select-Object -First 1
    Set-Alias $name $program -Scope Global
}
$parameters = @{}
for ($i = 0; $i -lt $args.Count; $i += 2) { $parameters[$args[$i].TrimStart('-')] = $args[$i + 1] }
& (Join-Path $PSScriptRoot ../Pester/Invoke-Tests.ps1) @parameters
