using System.Net.Sockets;
using BorgStore.Backends;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Transport;

namespace BorgStore.Tests.Sftp;

/// <summary>Errors of ssh when connecting are reported in its own words, without prompting the user.</summary>
public sealed class SshErrorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = OpenSshServer.Instance;

    public SshErrorTests() => Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");

    [Fact]
    public async Task An_unknown_host_key_is_not_trusted()
    {
        var error = await FailAsync("UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=ask");
        Assert.Equal(StoreError.AuthenticationFailed, error.Error);
        Assert.Contains("Host key verification failed", error.Message);
    }

    [Fact]
    public async Task A_changed_host_key_is_not_trusted()
    {
        var known = _folder.Combine("known_hosts");
        var other = (await File.ReadAllTextAsync(Path.Combine(_server.Folder, "id.pub"))).Split(' ');
        await File.WriteAllTextAsync(known, $"[127.0.0.1]:{_server.Port} {other[0]} {other[1]}\n");
        var error = await FailAsync($"UserKnownHostsFile={known}");
        Assert.Equal(StoreError.AuthenticationFailed, error.Error);
        Assert.Contains("has changed and you have requested strict checking", error.Message);
        Assert.Contains("another host key", error.Message);
    }

    [Fact]
    public async Task A_rejected_login_is_reported()
    {
        var error = await FailAsync("IdentityFile=/nonexistent");
        Assert.Equal(StoreError.AuthenticationFailed, error.Error);
        Assert.Contains("Permission denied (publickey)", error.Message);
    }

    [Fact]
    public async Task An_unreachable_server_is_reported()
    {
        var url = SftpUrl.Parse("sftp://127.0.0.1:1/store");
        await using var store = new SftpBackend(url, new BackendOptions());
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default));
        Assert.Equal(StoreError.ConnectionLost, error.Error);
        Assert.Contains("Connection refused", error.Message);
    }

    [Fact]
    public async Task Connecting_is_retried_when_the_server_has_too_many_logins()
    {
        var crowded = CrowdedSshServer.Instance;
        var folder = _folder.Combine("store");
        Directory.CreateDirectory(folder);
        using var stranger = await OccupyAsync(crowded.Port);
        var attempts = 0;
        var connector = new SshConnector(crowded.Url(folder), crowded.Options);
        await using var store = new SftpBackend(crowded.Url(folder), new BackendOptions(), async token =>
        {
            // The other client stays for one attempt.
            if (++attempts == 2) stranger.Dispose();
            return await connector.ConnectAsync(token);
        });
        await store.OpenAsync(default);
        Assert.True(attempts > 1);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_created_is_explained()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc.");
        var url = _server.Url("/proc/nothing/store");
        await using var store = SshServer.CreateBackend(url, _server.SharedOptions);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.CreateAsync(default));
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        Assert.True(error.Error is StoreError.BackendFailure or StoreError.PermissionDenied, error.Message);
        Assert.Contains("no such file or folder", error.Message);
        Assert.Contains("chroot", error.Message);
        Assert.DoesNotContain("status", error.Message);
    }

    [Fact]
    public async Task A_missing_ssh_program_is_reported()
    {
        var url = SftpUrl.Parse("sftp://127.0.0.1/store");
        await using var store = new SftpBackend(url, new BackendOptions(), _ =>
        {
            SshCommand.Start(new("no-such-ssh", []));
            throw new InvalidOperationException();
        });
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default));
        Assert.Equal(StoreError.NotSupported, error.Error);
        Assert.Contains("no-such-ssh", error.Message);
        Assert.Contains(SshCommand.ProgramVariable, error.Message);
    }

    [Fact]
    public async Task A_silent_server_times_out()
    {
        var url = SftpUrl.Parse("sftp://127.0.0.1/store?timeout=1");
        await using var store = new SftpBackend(url, new BackendOptions(),
            _ => ValueTask.FromResult<ISftpTransport>(new ScriptedServer(_ => [])));
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default)).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(StoreError.Timeout, error.Error);
    }

    public void Dispose() => _folder.Dispose();

    // Connects without logging in, as soon as the server has room.
    private static async Task<TcpClient> OccupyAsync(int port)
    {
        while (true)
        {
            var client = new TcpClient("127.0.0.1", port);
            var greeting = new byte[4];
            if (await client.GetStream().ReadAtLeastAsync(greeting, 4, throwOnEndOfStream: false) == 4 && greeting.AsSpan().SequenceEqual("SSH-"u8)) return client;
            client.Dispose();
            await Task.Delay(100);
        }
    }

    private async Task<StoreException> FailAsync(params string[] options)
    {
        var url = _server.Url(_folder.Combine("store"));
        // ssh uses the first value of an option.
        await using var store = SshServer.CreateBackend(url, [.. options, .. _server.Options.Where(o => !options.Any(p => p.Split('=')[0] == o.Split('=')[0]))]);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default));
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        return error;
    }
}
