using BorgStore.Server;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.Server;

/// <summary>Our server in this process.</summary>
internal sealed class InProcessServer : IAsyncDisposable
{
    private readonly RestServer _server;
    private readonly StringWriter _log = new();

    private InProcessServer(string storePath, Func<ServerOptions, ServerOptions>? configure)
    {
        var options = new ServerOptions { Backend = new Uri(storePath).AbsoluteUri, Port = 0, LogLevel = LogLevel.Information };
        _server = new(configure?.Invoke(options) ?? options, _log);
    }

    public string Url => _server.Addresses.First();

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static async Task<InProcessServer> StartAsync(string storePath, Func<ServerOptions, ServerOptions>? configure = null)
    {
        var server = new InProcessServer(storePath, configure);
        try
        {
            await server._server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
