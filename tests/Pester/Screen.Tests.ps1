# Texts chosen by others (names, URLs, responses of servers) never control the terminal.
BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    . $PSScriptRoot/ExampleWorld.ps1
    $PSStyle.OutputRendering = 'PlainText'
    # Moves the cursor, sets the title, a C1 introducer, DEL, reverses the text direction, and breaks lines in some terminals.
    $hostile = "x`e[31m`e]0;t`ay$([char] 0x9b)2J$([char] 0x7f)$([char] 0x202e)$([char] 0x2028)$([char]::ConvertFromUtf32(0xe0001))`r`n`0z"
    $shown = 'x\x1b[31m\x1b]0;t\x07y\x9b2J\x7f\u202e\u2028\U000e0001\x0d\x0a\x00z'
    function Assert-Harmless([string] $Text) {
        $Text | Should -Not -BeNullOrEmpty
        $Text -creplace '\r?\n' | Should -Not -Match '[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]'
    }
    # Runs a script in a host, and returns the displayed text and the streams.
    function Show([string] $Script) {
        $state = [Management.Automation.Runspaces.InitialSessionState]::CreateDefault2()
        $state.ImportPSModule($modulePath)
        $state.Variables.Add([Management.Automation.Runspaces.SessionStateVariableEntry]::new('hostile', $hostile, ''))
        $user = [WillingHost]::new([securestring]::new())
        $runspace = [runspacefactory]::CreateRunspace($user, $state)
        $runspace.Open()
        $shell = [powershell]::Create($runspace).AddScript($Script)
        try {
            $null = $shell.Invoke()
            $user.UI.Shown.ToString()
            $shell.Streams.Verbose + $shell.Streams.Warning + $shell.Streams.Error | ForEach-Object { "$_" }
        }
        finally {
            $shell.Dispose()
            $runspace.Dispose()
        }
    }
}

Describe 'A view' {
    BeforeAll {
        $store = New-TestStore 1
        $handle = (Get-BorgStoreItem config/k0001).Store
        $plain = [Reflection.BindingFlags] 'Instance, Public, NonPublic'
        $itemType = [BorgStore.PowerShell.Output.BorgStoreItem]
        $item = $itemType.GetConstructors($plain)[0].Invoke(@([BorgStore.StoreItem]::new("config/$hostile", 'config', 3, $false, 0), $handle))
        $test = [BorgStore.PowerShell.Output.BorgStoreTest].GetConstructors($plain)[0].Invoke(@("file:///$hostile"))
        [BorgStore.PowerShell.Output.BorgStoreTest].GetProperty('Problem').SetValue($test, $hostile)
    }
    AfterAll { Close-AllStore }

    It 'shows <Name> without terminal control characters' -ForEach @(
        @{ Name = 'an item'; Make = { $item } }
        @{ Name = 'a hash'; Make = { [BorgStore.PowerShell.Output.BorgStoreItemHash]::new('SHA256', 'ab', "config/$hostile", $false, $handle) } }
        @{ Name = 'an integrity'; Make = { [BorgStore.PowerShell.Output.BorgStoreItemIntegrity]::new("config/$hostile", $false, 'SHA256', $hostile, 'ab', $false, $handle) } }
        @{ Name = 'a block'; Make = { [BorgStore.PowerShell.Output.BorgStoreBlock]::new("config/$hostile", 0, 3) } }
        @{ Name = 'a left-over file'; Make = { [BorgStore.Backends.TemporaryItem]::new("config/$hostile.tmp", 3, [datetime]::UtcNow) } }
        @{ Name = 'a test'; Make = { $test } }
        @{ Name = 'a user of a server'; Make = { [BorgStore.PowerShell.Output.BorgStoreServerUser] @{ Name = "x$hostile"; Kind = 'User'; MemberOf = [string[]] "x$hostile"; UserFile = "/x$hostile" } } }
    ) {
        $object = & $Make
        Assert-Harmless ($object | Out-String -Width 500)
        Assert-Harmless ($object | Format-List | Out-String -Width 500)
        Assert-Harmless ($object | Format-Table | Out-String -Width 500)
        ($object | Out-String -Width 500) + ($object | Format-List | Out-String -Width 500) | Should -Match '\\u202e'
    }

    It 'leaves the properties unchanged' {
        $item.Name | Should -BeExactly "config/$hostile"
        "$item" | Should -BeExactly "config/$hostile"
        $item | Out-String -Width 500 | Should -BeLike "*config/$($shown -replace '\[', '`[' -replace '\]', '`]')*"
    }

    It 'shows text only through the escaping function' {
        [xml] $views = Get-Content (Join-Path $modulePath BorgStore.format.ps1xml) -Raw
        $assemblies = [BorgStore.PowerShell.Views.ViewText].Assembly, [BorgStore.Store].Assembly
        foreach ($view in $views.Configuration.ViewDefinitions.View) {
            $type = $assemblies | ForEach-Object { $_.GetType($view.ViewSelectedBy.TypeName) } | Select-Object -First 1
            foreach ($name in $view.SelectNodes('.//PropertyName').InnerText) {
                $type.GetProperty($name).PropertyType.IsValueType | Should -BeTrue -Because "$($view.Name) shows $name"
            }
        }
    }
}

Describe 'A message without terminal control characters is shown' {
    BeforeAll { $store = New-TestStore 1 }
    AfterAll { Close-AllStore }

    It 'for an error: <_>' -ForEach @(
        'Get-BorgStoreItemContent "config/$hostile"', 'Get-BorgStoreItemHash "config/$hostile"', 'Set-BorgStoreItem "config/$hostile" -Value x', 'Remove-BorgStoreItem "$hostile/x"'
        'Get-BorgStoreItem -Namespace $hostile', 'Open-BorgStore "file:///none/$hostile"', 'Open-BorgStore $hostile', 'Close-BorgStore "file:///$hostile"'
        'Get-BorgStoreItemHash config/k0001 $hostile', 'Set-BorgStoreItem config/x -LiteralPath "/none/$hostile"', 'Test-BorgStorePermission x -Access $hostile', 'Get-BorgStoreItemContent config/k0001 -Destination "/dev/null/$hostile"'
    ) {
        $script = [scriptblock]::Create($_)
        foreach ($view in 'ConciseView', 'NormalView', 'CategoryView') {
            $ErrorView = $view
            $text = try { & $script 2>&1 | Out-String -Width 1000 } catch { $_ | Out-String -Width 1000 }
            Assert-Harmless $text
        }
    }

    It 'for an error whose target keeps the original name' {
        $failed = try { Get-BorgStoreItemContent "config/$hostile" -ErrorAction Stop } catch { $_ }
        $failed.TargetObject | Should -BeExactly "config/$hostile"
        $failed.Exception.Name | Should -BeExactly "config/$hostile"
        $failed.CategoryInfo.TargetName | Should -Not -Match '[\p{Cc}\p{Cf}]'
    }

    It 'for -WhatIf, -Confirm, -Verbose and warnings' {
        $seen = Show @"
            `$null = Open-BorgStore '$($store.Uri)' -Namespace @{ config = 0; data = 2 }
            Remove-BorgStoreItem "config/`$hostile" -WhatIf
            Copy-BorgStoreItem config/k0001 "config/`$hostile" -WhatIf
            Set-BorgStoreItem "config/`$hostile" -Value x -Verbose
            Remove-BorgStoreItem "config/`$hostile" -Confirm -Verbose
            Get-BorgStoreItem "none`$hostile*"
"@
        $seen | Should -HaveCount ($seen | Where-Object { $_ -like '*x\x1b*' }).Count -Because 'each of them is shown escaped'
        $seen.Count | Should -Be 5
        $seen | ForEach-Object { Assert-Harmless $_ }
        $seen[0] | Should -BeLike '*What if*\u202e*'
    }

    It 'for an error text of a server' {
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $answering = Start-ThreadJob -ArgumentList $listener {
            param($listener)
            $answer = [Text.Encoding]::Latin1.GetBytes("HTTP/1.1 500 refused `e[31m`e]0;t`a$([char] 0x9b)2J`r`nContent-Length: 0`r`nConnection: close`r`n`r`n")
            while ($true) {
                $client = $listener.AcceptTcpClient()
                $null = $client.GetStream().Read([byte[]]::new(65536))
                $client.GetStream().Write($answer)
                $client.Dispose()
            }
        }
        try {
            $failed = try {
                $other = Open-BorgStore "http://127.0.0.1:$($listener.LocalEndpoint.Port)" -Namespace @{ config = 0 }
                Get-BorgStoreItem config/x -Store $other -ErrorAction Stop
            }
            catch { $_ }
            $failed.Exception.Message | Should -BeLike '*500 refused *2J*'
            Assert-Harmless ($failed | Out-String)
        }
        finally {
            $listener.Stop()
            $answering | Remove-Job -Force
        }
    }
}

Describe 'A menu of completions' {
    It 'shows names without terminal control characters' {
        $offer = [BorgStore.PowerShell.Completion.Completer].GetMethod('Offer', [Reflection.BindingFlags] 'Static, NonPublic')
        $offered = $offer.Invoke($null, @($hostile))
        Assert-Harmless $offered.ListItemText
        Assert-Harmless $offered.ToolTip
        Assert-Harmless $offered.CompletionText
    }
}
