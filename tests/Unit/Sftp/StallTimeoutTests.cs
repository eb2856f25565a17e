using BorgStore.Backends;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Hashing;
using BorgStore.Processes;

namespace BorgStore.Tests.Sftp;

/// <summary>A server that falls silent is given up, whatever it still has to answer; a slow one is not.</summary>
public sealed class StallTimeoutTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(0.5);

    // A real server may answer slowly on a busy machine.
    private static readonly TimeSpan TimeoutOfServer = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Forever = TimeSpan.FromMinutes(3);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_never_completes_a_long_request_times_out()
    {
        await using var connection = await ConnectAsync(_ => []);
        var syncing = connection.SendAsync(new FsyncRequest([1])).AsTask();
        var error = await Assert.ThrowsAsync<StoreException>(() => syncing.WaitAsync(Forever, Ct));
        Assert.Equal(StoreError.Timeout, error.Error);
    }

    [Fact]
    public async Task A_long_request_and_the_requests_queued_behind_it_do_not_time_out()
    {
        await using var connection = await ConnectAsync(request =>
        {
            if ((PacketType)request[0] == PacketType.Extended) Thread.Sleep(4 * Timeout);
            return Answers.Status(request, 0);
        });
        var copying = connection.SendAsync(new CopyDataRequest([1], 0, 1, [2], 0)).AsTask();
        var removing = connection.SendAsync(new PathRequest(PacketType.Remove, PacketType.Status, "a")).AsTask();
        foreach (var reply in await Task.WhenAll(copying, removing).WaitAsync(Forever, Ct)) Assert.True(reply.IsOk);
    }

    [Fact]
    public async Task New_requests_do_not_delay_the_timeout_of_a_silent_server()
    {
        await using var connection = await ConnectAsync(_ => []);
        var request = new PathRequest(PacketType.Stat, PacketType.Attributes, "a");
        var first = connection.SendAsync(request).AsTask();
        var others = new List<Task>();
        var end = Task.Delay(Forever, Ct);
        while (!first.IsCompleted && !end.IsCompleted)
        {
            others.Add(connection.SendAsync(request).AsTask());
            await Task.Delay(Timeout / 10, Ct);
        }
        Assert.False(end.IsCompleted);
        Assert.Equal(StoreError.Timeout, (await Assert.ThrowsAsync<StoreException>(() => first)).Error);
        await Task.WhenAll(others).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Theory]
    [InlineData("trap '' TERM; read line; echo '1 borgstore-ready'; while read line; do :; done; sleep 1000")] // greets, then stays silent
    [InlineData("read line; echo '1 borgstore-ready'; exec sleep 1000")] // also stops reading
    public async Task A_silent_shell_is_abandoned_and_the_hash_computed_locally(string script)
        => await HashAsync(new("sh", ["-c", script]) { ExitTimeout = TimeSpan.FromSeconds(1) });

    [Fact]
    public async Task A_long_hash_does_not_time_out_while_the_shell_responds()
    {
        using var programs = new TemporaryFolder();
        var program = programs.Combine("sha256sum");
        TestScript.Write(program, $"#!/bin/sh\nsleep {3 * TimeoutOfServer.TotalSeconds}\nPATH=${{PATH#*:}}\necho >>{programs.Combine("used")}\nexec sha256sum\n");
        var line = await HashAsync(new("sh", ["-c", $"PATH={programs.Path}:$PATH exec sh"]));
        Assert.True(File.Exists(programs.Combine("used")));
        Assert.Equal(0, line.Count("Read"));
    }

    private static async Task<WatchedTransport> HashAsync(ChildCommand shell)
    {
        var server = OpenSshServer.Instance;
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        using var folder = new TemporaryFolder();
        WatchedTransport line = null!;
        await using var store = await SshServer.OpenWatchedAsync(server.Url(folder.Combine("store")) with { Timeout = TimeoutOfServer }, server.SharedOptions,
            transport => line = new WatchedTransport(new OtherShell(transport, shell)));
        await store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        Assert.Equal(HashKind.Sha256.ComputeHex([1]), await store.HashAsync("data/a", HashKind.Sha256, Ct).AsTask().WaitAsync(Forever, Ct));
        return line;
    }

    private static Task<SftpConnection> ConnectAsync(Func<byte[], byte[]> answer)
        => SftpConnection.OpenAsync(new ScriptedServer(request => (PacketType)request[0] == PacketType.Init ? Answers.Version() : answer(request)), Timeout, Ct);

    /// <summary>A connection that runs a different program as its shell.</summary>
    private sealed class OtherShell(ISftpTransport line, ChildCommand shell) : ISftpTransport
    {
        public Stream Stream => line.Stream;

        public IRunningProgram? StartProgram(string command) => ChildProcess.Start(shell);

        public ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake) => line.ExplainEndAsync(hadHandshake);

        public void Abort() => line.Abort();

        public ValueTask DisposeAsync() => line.DisposeAsync();
    }
}
