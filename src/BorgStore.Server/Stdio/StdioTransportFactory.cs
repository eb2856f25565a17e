using System.Net;
using Microsoft.AspNetCore.Connections;

namespace BorgStore.Server.Stdio;

/// <summary>Makes Kestrel listen on stdin and stdout.</summary>
/// <param name="ended">Called when the client has closed stdin and all requests have been answered.</param>
internal sealed class StdioTransportFactory(Action ended) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is StdioEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => new(new Listener((StdioEndPoint)endpoint, ended));

    private sealed class Listener(StdioEndPoint endpoint, Action ended) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _noMore = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private StdioConnection? _connection;

        public EndPoint EndPoint => endpoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            if (_connection is not null) return new(_noMore.Task.WaitAsync(cancellationToken));
            _connection = new(endpoint, Console.OpenStandardInput(), Console.OpenStandardOutput(), ended);
            return new(_connection);
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _noMore.TrySetResult(null);
            return default;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
