BeforeDiscovery {
    . $PSScriptRoot/TestStore.ps1
    $cmdlets = (Get-Module BorgStore).ExportedCmdlets.Values.Name | ForEach-Object { @{ Name = $_ } }
    $root = Join-Path $PSScriptRoot ../..
    $pages = Get-ChildItem "$root/*.md", "$root/deploy/*.md", (Join-Path $root docs) -Recurse -Filter *.md -Depth 2 | Sort-Object FullName -Unique |
        ForEach-Object { @{ Page = [IO.Path]::GetRelativePath($root, $_.FullName); Path = $_.FullName } }
    $topics = Get-ChildItem (Join-Path $modulePath en-US/about_*.help.txt) | ForEach-Object { @{ Topic = $_.Name -replace '\.help\.txt$'; Path = $_.FullName } }
}

BeforeAll {
    . $PSScriptRoot/TestStore.ps1

    # Returns the text of help paragraphs.
    function Get-Text($Paragraphs) {
        ($Paragraphs | ForEach-Object Text) -join "`n"
    }

    # Returns parameters in a piece of code that its commands do not have.
    function Find-UnknownParameter([string] $Code) {
        $ast = [Management.Automation.Language.Parser]::ParseInput($Code, [ref] $null, [ref] $null)
        foreach ($call in $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)) {
            if (-not $call.GetCommandName()) { continue }
            $command = Get-Command $call.GetCommandName() -ErrorAction Ignore
            if ($call.GetCommandName() -like '*-BorgStore*' -and -not $command) { $call.GetCommandName() }
            if (-not $command.Parameters) { continue }
            $names = $command.Parameters.Keys + $command.Parameters.Values.Aliases
            foreach ($parameter in $call.CommandElements | Where-Object { $_ -is [Management.Automation.Language.CommandParameterAst] }) {
                if ($parameter.ParameterName -notin $names) { "$command -$($parameter.ParameterName)" }
            }
        }
    }
}

Describe 'Help of <Name>' -ForEach $cmdlets {
    BeforeAll {
        $help = Get-Help $Name -Full
        $command = Get-Command $Name
        $examples = @($help.examples.example)
    }

    It 'has a synopsis, a description, inputs, outputs and notes' {
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match '<CommonParameters>' -Because 'PowerShell shows the syntax where there is no synopsis'
        Get-Text $help.description | Should -Not -BeNullOrEmpty
        $help.inputTypes.inputType.type.name | Should -Not -BeNullOrEmpty
        $help.returnValues.returnValue.type.name | Should -Not -BeNullOrEmpty
        Get-Text $help.alertSet.alert | Should -Not -BeNullOrEmpty
    }

    It 'describes exactly the parameters of the cmdlet' {
        $common = [Management.Automation.Cmdlet]::CommonParameters
        $expected = $command.Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object
        $help.parameters.parameter.name | Sort-Object | Should -Be $expected
        foreach ($parameter in $help.parameters.parameter) { Get-Text $parameter.description | Should -Not -BeNullOrEmpty -Because $parameter.name }
    }

    It 'describes parameters as the cmdlet declares them' {
        foreach ($parameter in $help.parameters.parameter) {
            $actual = $command.Parameters[$parameter.name]
            $sets = $actual.ParameterSets.Values
            $sets.IsMandatory | Should -Contain ($parameter.required -eq 'true') -Because $parameter.name
            [string[]] $sets.ValueFromPipeline | Should -Contain ([string] ($parameter.pipelineInput -like '*ByValue*')) -Because $parameter.name
            [string[]] $sets.ValueFromPipelineByPropertyName | Should -Contain ([string] ($parameter.pipelineInput -like '*ByPropertyName*')) -Because $parameter.name
            ($parameter.aliases -replace '^none$') -split ', ' | Where-Object { $_ } | Should -Be $actual.Aliases
        }
    }

    It 'opens the page that the manifest names with -Online' {
        @($help.relatedLinks.navigationLink.uri | Where-Object { $_ }) | Should -Be (Get-Module BorgStore).ProjectUri.AbsoluteUri
    }

    It 'shows the syntax of all parameter sets' {
        @($help.syntax.syntaxItem).Count | Should -Be $command.ParameterSets.Count
        foreach ($item in $help.syntax.syntaxItem) {
            $names = @($item.parameter.name) | Where-Object { $_ } | Sort-Object
            $same = $command.ParameterSets | Where-Object {
                -not (Compare-Object @($_.Parameters.Name | Where-Object { $_ -notin [Management.Automation.Cmdlet]::CommonParameters }) @($names))
            }
            $same | Should -Not -BeNullOrEmpty -Because "a syntax has the parameters $names"
        }
    }

    It 'has at least three examples that parse and use only existing parameters' {
        $examples.Count | Should -BeGreaterOrEqual 3
        foreach ($example in $examples) {
            $errors = $null
            $null = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref] $null, [ref] $errors)
            $errors | Should -BeNullOrEmpty -Because $example.title
            Find-UnknownParameter $example.code | Should -BeNullOrEmpty -Because $example.title
        }
        ($examples.code -join "`n") | Should -BeLike "*$Name*"
    }
}

Describe 'The topic <Topic>' -ForEach $topics {
    It 'fits a narrow window and is short' {
        $lines = Get-Content $Path
        $lines.Count | Should -BeLessThan 200
        $lines | Where-Object Length -gt 78 | Should -BeNullOrEmpty
    }

    It 'is found and has a short description' {
        $found = Get-Help $Topic | Where-Object { $_ -is [string] -or $_.Name -eq $Topic }
        $found | Should -Not -BeNullOrEmpty
        (Get-Content $Path -TotalCount 5)[0, 1, 3] | Should -Be 'TOPIC', "    $Topic", 'SHORT DESCRIPTION'
    }

    It 'names no cmdlet or topic that does not exist' {
        $text = Get-Content $Path -Raw
        [regex]::Matches($text, '\b[A-Z]\w+-BorgStore\w*').Value | Sort-Object -Unique |
            Where-Object { $_ -notin (Get-Module BorgStore).ExportedCmdlets.Keys } | Should -BeNullOrEmpty
        [regex]::Matches($text, '\babout_BorgStore\w*').Value | Sort-Object -Unique |
            Where-Object { -not (Test-Path (Join-Path (Split-Path $Path) "$_.help.txt")) } | Should -BeNullOrEmpty
    }
}

Describe 'The topics' {
    It 'all exist' {
        $topics = (Get-ChildItem (Join-Path $modulePath en-US/about_*.help.txt)).Name
        foreach ($name in '', '_Urls', '_Layout', '_Borg2', '_Server', '_Pipelines', '_Security') { $topics | Should -Contain "about_BorgStore$name.help.txt" }
    }
}

Describe 'The page <Page>' -ForEach $pages {
    It 'has no broken link' {
        $text = (Get-Content $Path -Raw) -replace '(?ms)^```.*?^```'
        foreach ($link in [regex]::Matches($text, '\]\(([^)\s]+)\)')) {
            $target, $anchor = $link.Groups[1].Value -split '#'
            if ($target -match '://') { continue }
            $file = $target ? (Join-Path (Split-Path $Path) $target) : $Path
            $file | Should -Exist -Because "the page links to $target"
            if (-not $anchor) { continue }
            $anchors = Get-Content $file | Where-Object { $_ -match '^#+ ' } | ForEach-Object { ($_ -replace '^#+ ').ToLowerInvariant() -replace '[^\w\- ]' -replace ' ', '-' }
            $anchors | Should -Contain $anchor -Because "the page links to it in $target"
        }
    }

    It 'names no cmdlet, parameter or topic that does not exist' {
        $text = Get-Content $Path -Raw
        $code = [regex]::Matches($text, '(?ms)^```powershell\r?\n(.*?)^```|(?<!`)`([^`\r\n]+)`(?!`)') | ForEach-Object { ($_.Groups[1].Value + $_.Groups[2].Value).Replace('\|', '|') }
        $code | Where-Object { $_ -cmatch '[a-z]-BorgStore' } | ForEach-Object { Find-UnknownParameter $_ } | Should -BeNullOrEmpty
        $module = Get-Module BorgStore
        [regex]::Matches($text, '\b[A-Z][a-z]\w*-BorgStore\w*').Value | Where-Object { $_ -notin $module.ExportedCmdlets.Keys } | Should -BeNullOrEmpty
        [regex]::Matches($text, '\babout_BorgStore\w*').Value | Where-Object { -not (Test-Path "$($module.ModuleBase)/en-US/$_.help.txt") } | Should -BeNullOrEmpty
    }
}

Describe 'The samples' {
    BeforeAll { $root = Join-Path $PSScriptRoot ../.. }

    It 'contain every piece of C# in <_> literally' -ForEach 'README.md', 'docs/csharp.md' {
        $sample = (Get-Content (Join-Path $root samples/Tour/Program.cs) -Raw).ReplaceLineEndings("`n")
        $pieces = [regex]::Matches((Get-Content (Join-Path $root $_) -Raw).ReplaceLineEndings("`n"), '(?ms)^```csharp\n(.*?)^```')
        $pieces.Count | Should -BeGreaterThan 0
        # A piece may omit the separators between its statements.
        foreach ($piece in $pieces) {
            $position = 0
            foreach ($line in $piece.Groups[1].Value.TrimEnd() -split '\n') {
                $position = $sample.IndexOf("$line`n", $position, [StringComparison]::Ordinal)
                $position | Should -BeGreaterOrEqual 0 -Because "samples/Tour/Program.cs should have, in this order: $line"
            }
        }
    }

    It '<_> runs' -ForEach 'Tour', 'QuickStart' {
        $built = Get-ChildItem (Join-Path $root "artifacts/bin/$_/*/$_.dll") -ErrorAction Ignore | Sort-Object LastWriteTime | Select-Object -Last 1
        if (-not $built) { Set-ItResult -Skipped -Because 'it is not built; dotnet build does it'; return }
        $output = dotnet $built 2>&1
        $LASTEXITCODE | Should -Be 0 -Because ($output -join "`n")
    }

    It 'QuickStart.ps1 runs' {
        # In a session of its own, because it may load another copy of the module than the tests.
        $output = & pwsh -NoProfile -NonInteractive -File (Join-Path $root samples/QuickStart.ps1) -Path (Join-Path $TestDrive quickstart)
        $LASTEXITCODE | Should -Be 0
        $output | Should -Contain 'Damaged items: 0'
    }
}
