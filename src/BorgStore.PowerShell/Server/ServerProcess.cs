using System.Text;
using BorgStore.Processes;

namespace BorgStore.PowerShell.Server;

/// <summary>A REST server that runs as a child process and never outlives this process.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private readonly ChildProcess _child;
    private readonly object _lock = new();
    private Task? _end;

    private ServerProcess(ChildProcess child, ServerLog log, string url) => (_child, Log, Url) = (child, log, url);

    public int Id => _child.Id;

    /// <summary>The URL that it listens on.</summary>
    public string Url { get; }

    public ServerLog Log { get; }

    public bool HasEnded => _child.Exited.IsCompleted;

    /// <summary>Starts a server and waits until it listens.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellationToken">A token to cancel the operation, which also ends the server.</param>
    /// <returns>The server.</returns>
    public static async Task<ServerProcess> StartAsync(ServerSettings settings, CancellationToken cancellationToken)
    {
        var log = new ServerLog();
        var child = ServerProgram.Launch(settings.ToCommand(ServerProgram.Find(), log.Add));
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(StartTimeout);
            var addresses = await ReadLineAsync(child, timeout.Token);
            return addresses is null ? throw await ExplainAsync(child) : new(child, log, ToUrl(addresses.Split(' ')[0]));
        }
        catch (Exception e)
        {
            child.Kill();
            await child.DisposeAsync();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new StoreException(StoreError.Timeout, $"The server did not listen within {StartTimeout.TotalSeconds} s and was stopped. {child.Errors}", innerException: e);
            throw;
        }
    }

    /// <summary>Waits until the server has ended.</summary>
    /// <returns>The reason, as far as it is known, or <see langword="null"/> if the server was told to end.</returns>
    public async Task<string?> WaitForFailureAsync()
    {
        var status = await _child.Exited;
        lock (_lock)
        {
            if (_end is not null) return null;
        }
        await DisposeAsync();
        return $"status {status}. {ServerProgram.FindWords(_child.Errors)}".TrimEnd();
    }

    /// <summary>Kills the server.</summary>
    public async Task KillAsync()
    {
        var end = DisposeAsync();
        _child.Kill();
        await end;
    }

    /// <summary>Lets requests in progress finish, and ends the server.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock) return new(_end ??= _child.DisposeAsync().AsTask());
    }

    private static async Task<string?> ReadLineAsync(ChildProcess child, CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        var buffer = new byte[1024];
        while (await child.Stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            line.Append(Encoding.ASCII.GetString(buffer, 0, count));
            if (line.ToString().IndexOf('\n') is >= 0 and var end) return line.ToString(0, end).TrimEnd('\r');
        }
        return null;
    }

    private static async Task<StoreException> ExplainAsync(ChildProcess child)
        => ServerProgram.Explain(child, await child.WaitAsync(TimeSpan.FromSeconds(10)), "The server did not start: ");

    // A server on all addresses is reached at the loopback address.
    private static string ToUrl(string address)
        => address.Replace("//0.0.0.0:", "//127.0.0.1:", StringComparison.Ordinal).Replace("//[::]:", "//[::1]:", StringComparison.Ordinal);
}
