using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using BorgStore.Backends;
using BorgStore.Samples;
using BorgStore.Security;
using BorgStore.Server;
using BorgStore.Server.Access;
using BorgStore.Server.Http;
using BorgStore.Server.Observability;
using BorgStore.Server.Stores;
using BorgStore.Tests.Fuzzing.Driver;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Requests to the REST server as bytes: heads and bodies, through Kestrel, on connections in memory.</summary>
internal sealed class ServerTarget : IFuzzTarget, IDisposable
{
    private const string Url = "memory:server";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly byte[] Secret = "never-shown-to-anybody"u8.ToArray();
    private static readonly (string Name, byte[] Value)[] Items =
        [("data/a", "0123456789"u8.ToArray()), ("few/b", "01234"u8.ToArray()), ("config/kept", "kept"u8.ToArray()), ("secret/kept", Secret)];

    private readonly MemoryListener _listener = new();
    private readonly KestrelServer _server;
    private readonly Application _application;

    public ServerTarget()
    {
        var options = new ServerOptions { Backend = Url, Permissions = PermissionMap.Parse("""{"": "lrw", "data": "lrwWD", "few": "lrwWD", "secret": ""}""") };
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        // Nothing is bound: connections come from the listener.
        kestrel.Listen(IPAddress.Loopback, 1, listen => listen.Protocols = HttpProtocols.Http1);
        _application = new(options);
        _server = new(Options.Create(kestrel), _listener, NullLoggerFactory.Instance);
        _server.StartAsync(_application, default).GetAwaiter().GetResult();
    }

    public IReadOnlyList<string> Tokens =>
    [
        "GET ", "HEAD ", "POST ", "DELETE ", "PUT ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: x\r\n", "Accept: application/vnd.x.borgstore.rest.v1\r\n", "\r\n", "\r\n\r\n", "/data/a", "/few/b", "/few/", "/config/kept", "/secret/kept", "/?cmd=",
        "cmd=move", "cmd=gather", "cmd=defrag", "cmd=hash", "cmd=tree", "cmd=mkdir", "cmd=rmdir", "cmd=quota", "cmd=flush", "cmd=temporaries", "cmd=temporary", "cmd=create", "cmd=destroy", "cmd=health", "&current=", "&new=", "&target=",
        "&algorithm=sha256", "&namespace=data", "&levels=2", "&prefix=", "&after=", "&limit=1", "&id=", "&older-than=0", "Range: bytes=0-3\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n0\r\n\r\n",
        "If-None-Match: *\r\n", "Want-Repr-Digest: sha-256=1\r\n", "X-Content-hash-sha256: ", "Expect: 100-continue\r\n", "Connection: close\r\n", "Connection: upgrade\r\n", "[[\"data/a\", 0, 3]]", "[[\"secret/kept\", 0, 2]]", "%2F", "%2e%2e", "..", "//", "\0",
    ];

    public void Dispose()
    {
        _server.StopAsync(default).GetAwaiter().GetResult();
        _server.Dispose();
    }

    public void Run(byte[] input)
    {
        var content = MemoryStores.Open(Url, Items);
        var connection = new MemoryConnection(input);
        _listener.Connect(connection);
        Check.That(connection.Closed.Wait(Patience), () => "A connection is not closed.");
        if (_application.TakeFault() is { } fault) throw fault;
        Check.That(connection.Sent.AsSpan().IndexOf(Secret) < 0, () => "The server sends what nobody may read.");
        foreach (var (name, value) in Items[2..])
        {
            var stored = content.LoadAsync(name, ByteRange.Whole, default).AsTask().GetAwaiter().GetResult();
            Check.That(stored?.ReadToEndAsync(default).AsTask().GetAwaiter().GetResult().AsSpan().SequenceEqual(value) == true, () => $"A request has changed '{name}'.");
        }
    }

    /// <summary>The application of the server, with what goes wrong in it.</summary>
    private sealed class Application : IHttpApplication<HttpContext>
    {
        private readonly FaultLog _log = new();
        private readonly RestApplication _application;
        private Exception? _fault;

        public Application(ServerOptions options)
            => _application = new(new SingleStore(() => new MemoryBackend(options.Backend), options), new SingleLogin(null, null), options, _log);

        public Exception? TakeFault() => Interlocked.Exchange(ref _fault, null);

        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public async Task ProcessRequestAsync(HttpContext context)
        {
            try
            {
                var record = new RequestRecord(context);
                var body = MeasuredBody.Attach(context);
                await _application.HandleAsync(context);
                Check.That(context.Response.StatusCode is not (500 or 503), () => $"The server answers {context.Response.StatusCode}.");
                var line = record.ToLine(body, TimeSpan.FromSeconds(1));
                Check.That(line.AsSpan().IndexOfAnyInRange((byte)0, (byte)0x1f) == line.Length - 1, () => $"'{Encoding.UTF8.GetString(line)}' is not a line of the log.");
                if (_log.Take() is { } logged) throw logged;
            }
            catch (OperationCanceledException)
            {
                // The end of the input ends the connection, perhaps in the middle of a request.
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _fault, e, null);
            }
        }

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }
    }

    /// <summary>Keeps the first error that is logged, which no request may cause.</summary>
    private sealed class FaultLog : ILogger
    {
        private Exception? _first;

        public Exception? Take() => Interlocked.Exchange(ref _first, null);

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) Interlocked.CompareExchange(ref _first, exception ?? new FaultException(formatter(state, exception)), null);
        }
    }

    /// <summary>Gives Kestrel connections in memory.</summary>
    private sealed class MemoryListener : IConnectionListenerFactory, IConnectionListener
    {
        private readonly System.Threading.Channels.Channel<ConnectionContext> _waiting = System.Threading.Channels.Channel.CreateUnbounded<ConnectionContext>();

        public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 1);

        public void Connect(ConnectionContext connection) => _waiting.Writer.TryWrite(connection);

        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
            => await _waiting.Reader.WaitToReadAsync(cancellationToken) && _waiting.Reader.TryRead(out var connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _waiting.Writer.TryComplete();
            return default;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }

    /// <summary>A connection whose client has sent everything and reads everything.</summary>
    private sealed class MemoryConnection : ConnectionContext, IDuplexPipe
    {
        private readonly MemoryStream _sent = new();
        private readonly TaskCompletionSource _closed = new();

        public MemoryConnection(byte[] received)
        {
            (Input, Output) = (PipeReader.Create(new ReadOnlySequence<byte>(received)), PipeWriter.Create(_sent, new(leaveOpen: true)));
            Transport = this;
            LocalEndPoint = RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1);
        }

        public PipeReader Input { get; }

        public PipeWriter Output { get; }

        public Task Closed => _closed.Task;

        public byte[] Sent => _sent.ToArray();

        public override string ConnectionId { get; set; } = "fuzz";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

        public override IDuplexPipe Transport { get; set; }

        public override void Abort(ConnectionAbortedException abortReason)
        {
        }

        public override ValueTask DisposeAsync()
        {
            _closed.TrySetResult();
            return base.DisposeAsync();
        }
    }
}
