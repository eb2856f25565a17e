using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;
using Renci.SshNet;
using SshCommand = Renci.SshNet.SshCommand;

namespace BorgStore.Backends.SshNet;

/// <summary>A transport to an SFTP server over SSH.NET: without an <c>ssh</c> program, and with a password.</summary>
internal sealed class SshNetTransport : ISftpTransport
{
    private readonly SshClient _client;
    private readonly string _server;
    private readonly ChannelStream _stream;
    private volatile Exception? _failure;
    private int _disposed;

    private SshNetTransport(SshClient client, string server, SshCommand subsystem)
    {
        (_client, _server, _stream) = (client, server, new(subsystem));
        client.ErrorOccurred += (_, e) => _failure ??= e.Exception;
    }

    /// <inheritdoc/>
    public Stream Stream => _stream;

    /// <summary>Connects, checks the host key, logs in, and opens the subsystem. Called by name from Core, so that SSH.NET is only loaded when needed.</summary>
    /// <param name="login">The server and how to log in.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async ValueTask<ISftpTransport> ConnectAsync(SshLogin login, CancellationToken cancellationToken)
    {
        var request = new SubsystemRequest();
        using var authentication = Authentication.Create(login);
        var hostKey = new HostKeyVerifier(login);
        var client = new SshClient(ConnectionSettings.Create(login, authentication.Methods, hostKey, request));
        client.HostKeyReceived += (_, e) => e.CanTrust = hostKey.Verify(e.HostKey);
        // The library's own timeout covers each step; a server must not keep the caller waiting with many of them.
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(login.Target.ConnectTimeout);
        try
        {
            return await Task.Run(async () =>
            {
                await client.ConnectAsync(deadline.Token).ConfigureAwait(false);
                client.KeepAliveInterval = login.Target.SilenceTimeout / 4;
                return Open(client, login, request);
            }, CancellationToken.None).WaitAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Discard(client);
            if (e is OperationCanceledException && cancellationToken.IsCancellationRequested) throw;
            throw hostKey.Failure ?? authentication.Failure ?? SshNetFailure.Explain(login.Target.Server, e, wasConnected: false, hasEmptyPassword: login is { KeyFile: null, Password: "" }).ToException();
        }
    }

    /// <inheritdoc/>
    public IRunningProgram? StartProgram(string command)
    {
        try
        {
            return new RemoteProgram(_client.CreateCommand(command));
        }
        catch (Exception e) when (SshNetFailure.IsFailure(e))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake)
        => new(hadHandshake || _failure is not null ? SshNetFailure.Explain(_server, _failure, wasConnected: hadHandshake)
            : SshNetFailure.NoSftp(_server));

    /// <inheritdoc/>
    public void Abort()
    {
        // The reader wakes up now; the rest may wait for the server.
        _stream.Dispose();
        _ = DisposeAsync().AsTask();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stream.DisposeAsync().ConfigureAwait(false);
        Discard(_client);
    }

    // Disconnecting sends a message, for which a server that reads nothing makes it wait.
    private static void Discard(SshClient client) => _ = Task.Run(() =>
    {
        try
        {
            client.Dispose();
        }
        catch (Exception e) when (SshNetFailure.IsFailure(e))
        {
            // The connection is gone, which was the purpose.
        }
    });

    private static SshNetTransport Open(SshClient client, SshLogin login, SubsystemRequest request)
    {
        var subsystem = client.CreateCommand(request.Command);
        RemoteProgram.Execute(subsystem);
        return request.IsAccepted == true ? new(client, login.Target.Server, subsystem) : throw SshNetFailure.NoSftp(login.Target.Server).ToException();
    }
}

/// <summary>A program on the server, in a channel of the same connection.</summary>
internal sealed class RemoteProgram : IRunningProgram
{
    private readonly SshCommand _command;
    private readonly ChannelStream _stream;

    /// <summary>Starts a program; returns when the server has answered the request.</summary>
    /// <param name="command">The command, not started yet.</param>
    public RemoteProgram(SshCommand command)
    {
        _command = command;
        Execute(command);
        _stream = new(command);
    }

    /// <summary>Executes a command; returns when the server has answered the request. Its end shows in its streams, and not in the task.</summary>
    /// <param name="command">The command.</param>
    public static void Execute(SshCommand command)
        => _ = command.ExecuteAsync(CancellationToken.None).ContinueWith(task => _ = task.Exception, TaskScheduler.Default);

    /// <inheritdoc/>
    public Stream Stream => _stream;

    /// <inheritdoc/>
    public void Kill() => _stream.Dispose();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _stream.Dispose();
        // Closing the channel waits for the server.
        _ = Task.Run(_command.Dispose);
        return default;
    }
}
