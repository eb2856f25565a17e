using BorgStore.Server;

namespace BorgStore.Tests.Server;

/// <summary>A test's own server in this process, with an empty folder as its storage.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private InProcessServer _server = null!;

    public string StorePath => _folder.Combine("store");

    public Uri Address => new(_server.Url);

    public string Log => _server.Log;

    /// <summary>Starts a server.</summary>
    /// <param name="configure">Changes its options.</param>
    /// <param name="create">Whether to create the store.</param>
    public static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? configure = null, bool create = true)
    {
        var server = new TestServer();
        if (create) Directory.CreateDirectory(server.StorePath);
        server._server = await InProcessServer.StartAsync(server.StorePath, configure);
        return server;
    }

    public RawClient Connect() => RawClient.Connect(Address);

    public string[] ListFiles() => [.. Directory.EnumerateFiles(StorePath, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(StorePath, file).Replace('\\', '/')).Where(file => !file.EndsWith(".hid", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }
}
