using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using BorgStore.Backends.Http;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;

namespace BorgStore.Backends.Rest;

/// <summary>The connections to one server: sockets, or children that lead there on their stdin and stdout.</summary>
internal sealed class RestTransport : IAsyncDisposable
{
    /// <summary>The variable that names a file with the certificate authorities (PEM) to trust in place of the system's.</summary>
    public const string AuthorityVariable = "BORGSTORE_REST_CA_FILE";

    private static readonly MediaTypeWithQualityHeaderValue MediaType = new("application/vnd.x.borgstore.rest.v1");
    // Enough for the requests that are answered at once; a value still being read has a child of its own besides.
    private const int RequestsOfChildren = 4;

    private readonly RestAddress _address;
    private readonly ConcurrentDictionary<ChildStream, byte> _children = new();
    private readonly AuthenticationHeaderValue? _authorization;
    private string _childErrors = "";

    /// <summary>Prepares the connections; none is made yet.</summary>
    /// <param name="address">Where the server is.</param>
    public RestTransport(RestAddress address)
    {
        _address = address;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = HttpFailure.ConnectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            Proxy = ProxyChoice.Instance,
        };
        if (address.Command is not null)
        {
            (handler.UseProxy, handler.ConnectCallback) = (false, StartChildAsync);
            (Slots, Turns) = (new(RequestsOfChildren), null);
        }
        else if (address.UnixSocket is not null)
        {
            (handler.UseProxy, handler.ConnectCallback) = (false, ConnectUnixAsync);
        }
        else
        {
            handler.ConnectCallback = ConnectTcpAsync;
            TrustAuthority(handler);
        }
        if (address.Credential is { } credential)
            _authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.UserName}:{credential.Password}")));
        Http = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>What sends requests.</summary>
    public HttpClient Http { get; }

    /// <summary>The server that is reached over the network; <see langword="null"/> behind a socket of this machine or a child.</summary>
    public Uri? Server => _address.Command is null && _address.UnixSocket is null ? new(_address.Origin) : null;

    /// <summary>Where a limit of requests at a time is kept; <see langword="null"/> if there is none.</summary>
    public SemaphoreSlim? Slots { get; }

    /// <summary>Keeps requests apart where the server can't; <see langword="null"/> where each connection leads to a server of its own.</summary>
    public RequestTurns? Turns { get; } = new();

    /// <summary>What children that died had to say, for the message of an error.</summary>
    public string ChildErrors => _childErrors.Length == 0 ? "" : $" {_address.Command![0]} said: {_childErrors}";

    /// <summary>Whether trying again has no prospect, since the program to start is missing or refuses its arguments.</summary>
    public bool IsHopeless { get; private set; }

    /// <summary>Why ssh made no connection, the last time that it was started.</summary>
    public SshFailure? SshFailure { get; private set; }

    /// <summary>Makes a request.</summary>
    /// <param name="method">The method.</param>
    /// <param name="target">What stands behind the base path, to the letter.</param>
    public HttpRequestMessage CreateRequest(HttpMethod method, string target)
    {
        // Names are no paths to be tidied up: dot segments and escapes stay as they are.
        var uri = new Uri(_address.Origin + _address.BasePath + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(method, uri);
        // HttpClient repeats what has no content, without a word, when a connection ends before the answer. It must not for what can't
        // be known to have happened, and so that has an empty one.
        if (method != HttpMethod.Get && method != HttpMethod.Head) request.Content = new ByteArrayContent([]);
        request.Headers.Accept.Add(MediaType);
        request.Headers.Authorization = _authorization;
        return request;
    }

    /// <summary>Whether another connection leads to the same server. A child is a server of its own, and with <c>ssh</c> before it, it notices
    /// itself that the line died.</summary>
    public bool CanAskForLife => _address.Command is null;

    /// <summary>Makes the request that every server answers at once, whatever else it does: ours says that it is well, and Python's refuses
    /// what does not accept its protocol before it waits for anything.</summary>
    public HttpRequestMessage CreateHealthRequest() => new(HttpMethod.Get, $"{_address.Origin}{_address.BasePath}/?cmd=health");

    /// <summary>Closes all connections, and waits until the children have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var child in _children.Keys) await child.DisposeAsync().ConfigureAwait(false);
        Slots?.Dispose();
        Turns?.Dispose();
    }

    private static async ValueTask<Stream> ConnectTcpAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Before the options: with them set, .NET 8 refuses to try the addresses of a name one after the other.
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
            // A line that died while an answer takes its time, as the hash of a large value may, is noticed within a minute.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            LimitKeepAliveRetries(socket, 3);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void LimitKeepAliveRetries(Socket socket, int count)
    {
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, count);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ProtocolOption)
        {
            // Windows before version 1703 always retries ten times.
        }
    }

    private async ValueTask<Stream> ConnectUnixAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_address.UnixSocket!), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private ValueTask<Stream> StartChildAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var child = new ChildStream(Start(_address.Command!), OnChildEnded);
        _children[child] = 0;
        return new(child);
    }

    private static ChildProcess Start(IReadOnlyList<string> command)
    {
        try
        {
            return ChildProcess.Start(new(command[0], [.. command.Skip(1)]));
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw StoreException.While(StoreError.NotSupported, $"run '{command[0]}'", name: null,
                ChildProcess.DescribeMissing(command[0], e, "Install it, and see that it is on the PATH"), e);
        }
    }

    private void OnChildEnded(ChildStream child, int exitCode, string errors)
    {
        _children.TryRemove(child, out _);
        if (exitCode == 0) return;
        _childErrors = errors;
        // Not found, not executable, wrong usage; all that is told before anything is sent.
        IsHopeless = !child.HasAnswered && exitCode is 126 or 127 or 2;
        // ssh ends so where the failure is its own.
        SshFailure = _address.SshHost is { } host && !child.HasAnswered && exitCode == 255 ? SshFailure.Explain(host, errors, exitCode, wasGreeted: false) : null;
        IsHopeless |= SshFailure is { Error: not StoreError.ConnectionLost };
    }

    private static void TrustAuthority(SocketsHttpHandler handler)
    {
        if (Environment.GetEnvironmentVariable(AuthorityVariable) is not { Length: > 0 } file) return;
        handler.SslOptions = CertificateAuthorities.Trust(AuthorityVariable, file);
    }
}
