# Values whose sources announce no length or a wrong one, and data that is not text.
BeforeAll {
    . $PSScriptRoot/TestStore.ps1
    Add-Type -TypeDefinition @'
// A stream that announces one length but has another.
public sealed class FalseStream : System.IO.MemoryStream
{
    private readonly long _announced;
    private readonly bool _seeks;
    public FalseStream(long announced, int held, bool seeks) : base(new byte[held]) { _announced = announced; _seeks = seeks; }
    public override long Length => _announced;
    public override bool CanSeek => _seeks;
}
'@
}

Describe 'A source whose stated length is wrong' {
    BeforeAll { $store = New-TestStore 1 }
    AfterAll { Close-AllStore }

    It 'is stored completely by <Way>' -Skip:(-not (Test-Path /proc/version)) -ForEach @(
        @{ Way = '-LiteralPath'; Command = { Set-BorgStoreItem config/v -LiteralPath /proc/version } }
        @{ Way = '-Path'; Command = { Set-BorgStoreItem config/v -Path /proc/versio? } }
        @{ Way = 'a piped file'; Command = { Get-Item /proc/version | Set-BorgStoreItem config/v } }
        @{ Way = '-Namespace'; Command = { (Set-BorgStoreItem -Namespace config -LiteralPath /proc/version -PassThru).Name | Should -Be config/version } ; Name = 'config/version' }
        @{ Way = '-Value'; Command = { $file = [IO.File]::OpenRead('/proc/version'); Set-BorgStoreItem config/v -Value $file; $file.Dispose() } }
    ) {
        $name = $Name ?? 'config/v'
        & $Command
        Get-BorgStoreItemContent $name -AsString | Should -BeExactly (Get-Content /proc/version -Raw)
        Remove-BorgStoreItem $name
    }

    It 'is stored completely under the hash of its whole content' -Skip:(-not (Test-Path /proc/version)) {
        $item = Set-BorgStoreItem -Namespace data -LiteralPath /proc/version -ContentHash SHA256 -PassThru
        $item.Key | Should -Be ([Convert]::ToHexString([Security.Cryptography.SHA256]::HashData([IO.File]::ReadAllBytes('/proc/version'))).ToLower())
        $item.Size | Should -Be ([IO.File]::ReadAllBytes('/proc/version').Length)
    }

    It 'causes a warning if it is a FIFO without a writer' -Skip:(-not (Get-Command mkfifo -CommandType Application -ErrorAction Ignore)) {
        mkfifo $TestDrive/fifo
        $writer = Start-Process bash @('-c', "`"sleep 4; echo late > '$TestDrive/fifo'`"") -PassThru
        Set-BorgStoreItem config/fifo -LiteralPath $TestDrive/fifo -WarningVariable warnings 3> $null
        $writer.WaitForExit()
        $warnings | Should -BeLike "*fifo' is not open yet. If it is a FIFO, it waits for a program to write into it*"
        Get-BorgStoreItemContent config/fifo -AsString | Should -Be "late`n"
        Remove-BorgStoreItem config/fifo
    }

    It 'is rejected if it never ends' -Skip:(-not (Test-Path /dev/zero)) {
        Get-ErrorId { Set-BorgStoreItem config/zero -LiteralPath /dev/zero } | Should -Be 'InvalidArgument'
        Test-BorgStoreItem config/zero | Should -BeFalse
    }

    It 'is stored completely as a stream of <Held> bytes with a stated length of <Announced>, seekable: <Seeks>' -ForEach @(
        foreach ($seeks in $true, $false) {
            foreach ($announced in 0, 10, 1000, 65536) { @{ Announced = $announced; Held = 5000; Seeks = $seeks } }
        }
    ) {
        Set-BorgStoreItem config/false -Value ([FalseStream]::new($Announced, $Held, $Seeks))
        (Get-BorgStoreItem config/false).Size | Should -Be $Held
        Remove-BorgStoreItem config/false
    }

    It 'is rejected as a large stream of <Held> bytes with a stated length of <Announced>, seekable: <Seeks>' -ForEach @(
        foreach ($seeks in $true, $false) {
            foreach ($announced in 99999, 100001) { @{ Announced = $announced; Held = 100000; Seeks = $seeks } }
        }
    ) {
        Get-ErrorId { Set-BorgStoreItem config/false -Value ([FalseStream]::new($Announced, $Held, $Seeks)) } | Should -Be 'InvalidArgument'
        Test-BorgStoreItem config/false | Should -BeFalse
    }

    It 'is stored completely as a bash pipe without a length' -Skip:(-not (Get-Command bash -CommandType Application -ErrorAction Ignore) -or $IsWindows) {
        $script = "Import-Module '$modulePath'; Set-BorgStoreItem config/pipe -Store '$($store.Uri)' -LiteralPath `$env:PIPE"
        $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($script))
        bash -c "run() { PIPE=`$1 pwsh -NoProfile -EncodedCommand $encoded; }; run <(printf '\xff\x00\n')"
        (Get-BorgStoreItemContent config/pipe) | Should -Be 255, 0, 10
    }
}

Describe 'Text with replacement characters' {
    BeforeAll { $store = New-TestStore 1 }
    AfterAll { Close-AllStore }

    It 'is rejected if it is piped from a program' -Skip:(-not (Get-Command bash -CommandType Application -ErrorAction Ignore) -or $IsWindows) {
        Get-ErrorText { bash -c 'printf "ok\n\xff\n"' | Set-BorgStoreItem config/bin } | Should -BeLike "'config/bin' was not stored*program > file*-Path*-Value*"
        Get-ErrorId { bash -c 'printf "\xff"' | Set-BorgStoreItem -Name { 'config/bin' } } | Should -Be 'InvalidArgument'
        Test-BorgStoreItem config/bin | Should -BeFalse
    }

    It 'is stored unchanged if it is given as a value' {
        Set-BorgStoreItem config/sign -Value "a$([char] 0xfffd)"
        [pscustomobject]@{ Name = 'config/sign2'; Value = "a$([char] 0xfffd)" } | Set-BorgStoreItem
        Get-BorgStoreItemContent config/sign, config/sign2 -AsString | Should -Be "a$([char] 0xfffd)", "a$([char] 0xfffd)"
    }

    It 'is avoided by the file redirection recommended in the help' -Skip:(-not (Get-Command bash -CommandType Application -ErrorAction Ignore) -or $IsWindows) {
        bash -c 'printf "\xff\x00"' > $TestDrive/bin
        Set-BorgStoreItem config/file -Path $TestDrive/bin
        (Get-BorgStoreItemContent config/file) | Should -Be 255, 0
    }
}
