using BorgStore.Backends;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Ssh;
using BorgStore.Hashing;
using BorgStore.Processes;

namespace BorgStore.Tests.Sftp;

/// <summary>Another program than ssh, set by an environment variable.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class SshProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = OpenSshServer.Instance;

    public SshProgramTests()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a shell script.");
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, null);
        _folder.Dispose();
    }

    [Fact]
    public async Task The_configured_ssh_program_is_called_with_its_own_arguments_first()
    {
        Use($"{ShellWords.Quote(Script("my ssh", "echo \"$1 $2\" >> calls; shift 2; exec ssh \"$@\""))} -x 'two words'");
        await using var store = SshServer.CreateBackend(_server.Url(_folder.Combine("store")), _server.Options);
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        await store.StoreAsync("data/a", new byte[] { 1, 2 }, StoreMode.Overwrite, Ct);
        Assert.Equal(HashKind.Sha256.ComputeHex([1, 2]), await store.HashAsync("data/a", HashKind.Sha256, Ct));
        // Called for the configuration, for SFTP and for a shell.
        Assert.Equal(Enumerable.Repeat("-x two words", 3), await File.ReadAllLinesAsync(_folder.Combine("calls"), Ct));
    }

    [Fact]
    public async Task A_missing_ssh_program_is_named_with_advice()
    {
        Use("/no/such/ssh -v");
        var error = await OpenFailsAsync();
        Assert.Equal(StoreError.NotSupported, error.Error);
        Assert.Contains("/no/such/ssh", error.Message, StringComparison.Ordinal);
        Assert.Contains(SshCommand.ProgramVariable, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_error_output_of_a_failing_ssh_program_is_quoted()
    {
        Use(Script("ssh", "echo 'no way to get there' >&2; exit 7"));
        var error = await OpenFailsAsync();
        Assert.Equal(StoreError.ConnectionLost, error.Error);
        Assert.Contains("no way to get there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_could_not_be_read_is_read_again()
    {
        Use(Script("ssh", "case \"$*\" in *-G*) [ -e asked ] || { touch asked; exec sleep 60; };; esac; exec ssh \"$@\""));
        var url = _server.Url(_folder.Combine("store")) with { Timeout = TimeSpan.FromSeconds(2) };
        var connector = new SshConnector(url, _server.Options);
        var error = await Assert.ThrowsAsync<StoreException>(() => connector.ConnectAsync(Ct).AsTask());
        Assert.Equal(StoreError.Timeout, error.Error);
        Assert.Contains("ssh -G", error.Message, StringComparison.Ordinal);
        await (await connector.ConnectAsync(Ct)).DisposeAsync();
    }

    private static void Use(string program) => Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, program);

    private string Script(string name, string body)
    {
        var path = _folder.Combine(name);
        TestScript.Write(path, $"#!/bin/sh\ncd {ShellWords.Quote(_folder.Path)}\n{body}\n");
        return path;
    }

    private async Task<StoreException> OpenFailsAsync()
    {
        await using var store = SshServer.CreateBackend(_server.Url(_folder.Combine("store")), _server.Options);
        return await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Ct));
    }
}
