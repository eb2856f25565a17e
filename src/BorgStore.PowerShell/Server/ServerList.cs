using System.Collections.Concurrent;

namespace BorgStore.PowerShell.Server;

/// <summary>The servers of one session.</summary>
/// <param name="warnings">Receives warnings about servers that ended unexpectedly.</param>
internal sealed class ServerList(ConcurrentQueue<string> warnings)
{
    private readonly object _lock = new();
    private readonly List<BorgStoreServer> _servers = [];
    private int _lastId;

    /// <summary>The running servers, in the order in which they were started.</summary>
    public IReadOnlyList<BorgStoreServer> Running
    {
        get
        {
            lock (_lock)
            {
                _servers.RemoveAll(server => !server.IsRunning);
                return [.. _servers];
            }
        }
    }

    /// <summary>Returns the files with users of the running servers, each once.</summary>
    public IReadOnlyList<ServerUserFiles> FindUserFiles()
        => [.. Running.Where(server => server.UserFile is not null || server.RightsFile is not null).Select(server => new ServerUserFiles(server.UserFile, server.RightsFile)).Distinct()];

    /// <summary>Adds a server that was just started.</summary>
    public BorgStoreServer Add(ServerSettings settings, ServerProcess process)
    {
        BorgStoreServer server;
        lock (_lock)
        {
            server = new(++_lastId, settings, process);
            _servers.Add(server);
        }
        _ = WatchAsync(server);
        return server;
    }

    /// <summary>Stops all servers and waits for them.</summary>
    /// <param name="limit">The maximum time to wait.</param>
    public void StopAll(TimeSpan limit)
        => Task.WaitAll([.. Running.Select(server => Task.Run(async () => await server.Server.DisposeAsync()))], limit);

    private async Task WatchAsync(BorgStoreServer server)
    {
        if (await server.Server.WaitForFailureAsync() is { } reason)
            warnings.Enqueue($"The server {server.Id} on {server.Uri} stopped unexpectedly: {reason}");
    }
}
