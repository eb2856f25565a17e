using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace BorgStore.Server.Hosting;

/// <summary>The connections that have not proven yet that they may use the server. Their number is limited: a new one replaces the oldest, so that
/// no number of them keeps out legitimate clients.</summary>
/// <param name="most">The maximum number of such connections.</param>
/// <param name="patience">The time from the connection to the end of the first request's headers.</param>
internal sealed class Strangers(int most, TimeSpan patience)
{
    private readonly TimeSpan _patience = patience;
    private readonly Lock _lock = new();
    private readonly LinkedList<Stranger> _oldestFirst = new();

    /// <summary>Tracks the connections of a listener.</summary>
    /// <param name="listener">The listener. TLS must be set up after this, so that handshakes count too.</param>
    public void Watch(ListenOptions listener) => listener.Use(next => async connection =>
    {
        using var stranger = new Stranger(this, connection);
        connection.Features.Set(stranger);
        await next(connection);
    });

    /// <summary>Stops the timeout of a connection, when the headers of a request have arrived.</summary>
    public static void SeeHead(HttpContext context) => context.Features.Get<Stranger>()?.SeeHead();

    /// <summary>Stops tracking a connection, when the client of a request may use the server.</summary>
    public static void Admit(HttpContext context) => context.Features.Get<Stranger>()?.Leave();

    private void Add(Stranger stranger)
    {
        Stranger? oldest = null;
        lock (_lock)
        {
            if (_oldestFirst.Count == most)
            {
                oldest = _oldestFirst.First!.Value;
                _oldestFirst.RemoveFirst();
            }
            _oldestFirst.AddLast(stranger.Place);
        }
        oldest?.Refuse();
    }

    private void Remove(Stranger stranger)
    {
        lock (_lock)
            if (stranger.Place.List is not null) _oldestFirst.Remove(stranger.Place);
    }

    /// <summary>A tracked connection.</summary>
    internal sealed class Stranger : IDisposable
    {
        private readonly Strangers _all;
        private readonly ConnectionContext _connection;
        private readonly Timer _deadline;
        private bool _hasSentHead;
        private bool _hasLeft;

        public Stranger(Strangers all, ConnectionContext connection)
        {
            (_all, _connection) = (all, connection);
            Place = new(this);
            _deadline = new(static stranger => ((Stranger)stranger!).Refuse(), this, all._patience, Timeout.InfiniteTimeSpan);
            all.Add(this);
        }

        public LinkedListNode<Stranger> Place { get; }

        public void SeeHead()
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

        public void Refuse() => _connection.Abort(new ConnectionAbortedException("Another connection replaced this one, which had sent no permitted request."));

        public void Dispose()
        {
            _deadline.Dispose();
            Leave();
        }
    }
}
