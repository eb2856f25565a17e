using BorgStore.Server;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.Server;

/// <summary>A server of a test's own, in this process, with an empty folder behind it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringWriter _log = new();
    private readonly RestServer _server;

    private TestServer(Func<ServerOptions, ServerOptions>? configure)
    {
        var options = new ServerOptions { Backend = _folder.StoreUrl, Port = 0, LogLevel = LogLevel.Information };
        _server = new(configure?.Invoke(options) ?? options, _log);
    }

    public string StorePath => _folder.Combine("store");

    public Uri Address => new(_server.Addresses.First());

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>Starts a server.</summary>
    /// <param name="configure">Changes its options.</param>
    /// <param name="create">Whether the store is there from the start.</param>
    public static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? configure = null, bool create = true)
    {
        var server = new TestServer(configure);
        if (create) Directory.CreateDirectory(server.StorePath);
        await server._server.StartAsync();
        return server;
    }

    public RawClient Connect() => RawClient.Connect(Address);

    public string[] ListFiles() => [.. Directory.EnumerateFiles(StorePath, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(StorePath, file)).Where(file => !file.EndsWith(".hid", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }
}
