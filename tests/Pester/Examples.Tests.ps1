# Runs every example in the help, and every block of PowerShell in the documentation. ExampleWorld.ps1 describes the environment of the examples.
BeforeDiscovery {
    . $PSScriptRoot/TestStore.ps1
    $root = Join-Path $PSScriptRoot '../..'
    $examples = foreach ($name in (Get-Module BorgStore).ExportedCmdlets.Keys | Sort-Object) {
        $page = Get-Content (Join-Path $root "docs/cmdlets/$name.md") -Raw
        foreach ($example in (Get-Help $name).examples.example) {
            # The block of text after the code is its output.
            $heading = [regex]::Escape(($example.title -replace '^Example \d+: '))
            $shown = [regex]::Match($page, "(?ms)^### $heading\r?\n``````powershell(?:(?!``````).)*``````\r?\n``````text\r?\n(.*?)^``````")
            @{ Name = $name; Title = $example.title; Code = $example.code; Shown = $shown.Groups[1].Value }
        }
    }

    function Get-Block($Path) {
        [regex]::Matches((Get-Content $Path -Raw), '(?ms)^```powershell\r?\n(.*?)^```') | ForEach-Object { $_.Groups[1].Value }
    }

    # One page is a single session, where the blocks build on each other; the blocks of the others are independent.
    $told = Get-Item (Join-Path $root docs/about/about_BorgStore_Borg2.md)
    $sessions = $told | ForEach-Object { @{ Page = $_.Name; Code = Get-Block $_ } }
    $blocks = foreach ($file in '*.md', 'docs/*.md', 'docs/about/*.md', 'deploy/*.md' | ForEach-Object { Get-ChildItem (Join-Path $root $_) }) {
        if ($file.FullName -in $told.FullName) { continue }
        $number = 0
        foreach ($block in Get-Block $file) { @{ Page = $file.Name; Number = ++$number; Code = $block } }
    }
}

BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    . $PSScriptRoot/ExampleWorld.ps1
    $secret = ConvertTo-SecureString ([Guid]::NewGuid()) -AsPlainText -Force
    $world = New-ExampleWorld ([IO.Directory]::CreateTempSubdirectory('borgstore-examples-').FullName) $secret
}

AfterAll {
    Remove-ExampleWorld $world
    Remove-Item (Split-Path $world.Root) -Recurse -Force
}

Describe 'An example of <Name>' -ForEach $examples {
    It '<Title>' {
        if ($obstacle = Get-Obstacle $Code $world) { Set-ItResult -Skipped -Because $obstacle; return }
        $result = Invoke-Example $Code $world
        $result.Error | Should -BeNullOrEmpty -Because $Code
        $lines = @(ConvertTo-Comparable $result.Text)
        ConvertTo-Comparable $Shown | Where-Object { $_ -notin $lines } | Should -BeNullOrEmpty -Because "the page shows it, and this came out:`n$($result.Text)"
    }
}

Describe 'A block of <Page>' -ForEach $blocks {
    It '<Number>' {
        if ($obstacle = Get-Obstacle $Code $world) { Set-ItResult -Skipped -Because $obstacle; return }
        (Invoke-Example $Code $world).Error | Should -BeNullOrEmpty -Because $Code
    }
}

Describe 'The introductory example of README.md' {
    It 'can be run twice and gives the output shown' {
        $page = Get-Content (Join-Path $PSScriptRoot '../../README.md') -Raw
        $code, $shown = [regex]::Match($page, '(?ms)^## Ten lines.*?^```powershell\r?\n(.*?)^```\r?\n```text\r?\n(.*?)^```').Groups[1, 2].Value
        foreach ($times in 1, 2) {
            $result = Invoke-Example ($code * $times) $world
            $result.Error | Should -BeNullOrEmpty
            $lines = @(ConvertTo-Comparable $result.Text)
            foreach ($line in ConvertTo-Comparable $shown) { @($lines -eq $line).Count | Should -Be $times -Because "the page shows '$line', and this came out:`n$($result.Text)" }
        }
    }
}

Describe 'The session of <Page>' -ForEach $sessions {
    It 'runs as written with <_>' -ForEach 'borg-b22', 'borg-b25' {
        Set-ExampleRepository $world $_
        $result = Invoke-Example ($Code -join "`n") $world
        $result.Error | Should -BeNullOrEmpty
        $result.Warning | Should -BeNullOrEmpty
        # The mirror has everything in the original that its users need.
        $original, $mirror = 'backup', 'mirror' | ForEach-Object {
            $root = "$($world.Root)/srv/$_"
            , @(Get-ChildItem $root -Recurse -File | Where-Object { $_.FullName -notmatch '[/\\](cache|locks)[/\\]|\.del$' } |
                Get-FileHash | ForEach-Object { "$([IO.Path]::GetRelativePath($root, $_.Path)) $($_.Hash)" } | Sort-Object)
        }
        $original.Count | Should -BeGreaterThan 10
        $mirror | Should -Be $original
    }
}
