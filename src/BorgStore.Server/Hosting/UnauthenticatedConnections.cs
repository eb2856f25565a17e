using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace BorgStore.Server.Hosting;

/// <summary>The connections that have not proven yet that they may use the server. Their number is limited: a new one replaces the oldest, so that
/// no number of them keeps out legitimate clients.</summary>
/// <param name="max">The maximum number of such connections.</param>
/// <param name="timeout">The time from the connection to the end of the first request's headers.</param>
internal sealed class UnauthenticatedConnections(int max, TimeSpan timeout)
{
    private readonly TimeSpan _timeout = timeout;
    private readonly Lock _lock = new();
    private readonly LinkedList<UnauthenticatedConnection> _oldestFirst = new();

    /// <summary>Tracks the connections of a listener.</summary>
    /// <param name="listener">The listener. TLS must be set up after this, so that handshakes count too.</param>
    public void Watch(ListenOptions listener) => listener.Use(next => async connection =>
    {
        using var tracked = new UnauthenticatedConnection(this, connection);
        connection.Features.Set(tracked);
        await next(connection);
    });

    /// <summary>Stops the timeout of a connection, when the headers of a request have arrived.</summary>
    public static void OnHeadersReceived(HttpContext context) => context.Features.Get<UnauthenticatedConnection>()?.OnHeadersReceived();

    /// <summary>Stops tracking a connection, when the client of a request may use the server.</summary>
    public static void OnAuthenticated(HttpContext context) => context.Features.Get<UnauthenticatedConnection>()?.Leave();

    private void Add(UnauthenticatedConnection tracked)
    {
        UnauthenticatedConnection? oldest = null;
        lock (_lock)
        {
            if (_oldestFirst.Count == max)
            {
                oldest = _oldestFirst.First!.Value;
                _oldestFirst.RemoveFirst();
            }
            _oldestFirst.AddLast(tracked.Node);
        }
        oldest?.Abort();
    }

    private void Remove(UnauthenticatedConnection tracked)
    {
        lock (_lock)
            if (tracked.Node.List is not null) _oldestFirst.Remove(tracked.Node);
    }

    /// <summary>A tracked connection.</summary>
    internal sealed class UnauthenticatedConnection : IDisposable
    {
        private readonly UnauthenticatedConnections _all;
        private readonly ConnectionContext _connection;
        private readonly Timer _deadline;
        private bool _hasSentHead;
        private bool _hasLeft;

        public UnauthenticatedConnection(UnauthenticatedConnections all, ConnectionContext connection)
        {
            (_all, _connection) = (all, connection);
            Node = new(this);
            _deadline = new(static tracked => ((UnauthenticatedConnection)tracked!).Abort(), this, all._timeout, Timeout.InfiniteTimeSpan);
            all.Add(this);
        }

        public LinkedListNode<UnauthenticatedConnection> Node { get; }

        public void OnHeadersReceived()
        {
            if (_hasSentHead) return;
            _hasSentHead = true;
            _deadline.Dispose();
        }

        public void Leave()
        {
            if (_hasLeft) return;
            _hasLeft = true;
            _all.Remove(this);
        }

        public void Abort() => _connection.Abort(new ConnectionAbortedException("Another connection replaced this one, which had sent no permitted request."));

        public void Dispose()
        {
            _deadline.Dispose();
            Leave();
        }
    }
}
