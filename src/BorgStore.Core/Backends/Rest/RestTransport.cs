using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using BorgStore.Backends.Http;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;

namespace BorgStore.Backends.Rest;

/// <summary>The connections to a server: sockets, or children that connect to it by their stdin and stdout.</summary>
internal sealed class RestTransport : IAsyncDisposable
{
    /// <summary>The environment variable that names a file with certificate authorities (PEM) to trust in place of the system's.</summary>
    public const string AuthorityVariable = "BORGSTORE_REST_CA_FILE";

    private static readonly MediaTypeWithQualityHeaderValue MediaType = new("application/vnd.x.borgstore.rest.v1");
    // Enough for concurrent short requests; a value that is still being read has an additional child.
    private const int RequestsOfChildren = 4;

    private readonly RestAddress _address;
    private readonly ConcurrentDictionary<ChildStream, byte> _children = new();
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly SshConfigurationReader? _configuration;
    private string _childErrors = "";

    /// <summary>Initializes the transport; nothing is connected yet.</summary>
    /// <param name="address">The address of the server.</param>
    public RestTransport(RestAddress address)
    {
        _address = address;
        if (address.Ssh is { } target) _configuration = new(target);
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
            (Slots, RequestLock) = (new(RequestsOfChildren), null);
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

    /// <summary>The HTTP client that sends the requests.</summary>
    public HttpClient Http { get; }

    /// <summary>The server's address on the network; <see langword="null"/> if it is reached by a local socket or a child.</summary>
    public Uri? Server => _address.Command is null && _address.UnixSocket is null ? new(_address.Origin) : null;

    /// <summary>A semaphore that limits concurrent requests; <see langword="null"/> if there is no limit.</summary>
    public SemaphoreSlim? Slots { get; }

    /// <summary>The serialisation of requests, if the server needs it; <see langword="null"/> if each connection has its own server.</summary>
    public RequestLock? RequestLock { get; } = new();

    /// <summary>The stderr of children that failed, for error messages.</summary>
    public string ChildErrors => _childErrors.Length == 0 ? "" : $" {_address.Command!.FileName} said: {_childErrors}";

    /// <summary>Whether retries are pointless, because the program to start is missing or refuses its arguments.</summary>
    public bool IsUnrecoverable { get; private set; }

    /// <summary>Why ssh did not connect when it was last started.</summary>
    public SshFailure? SshFailure { get; private set; }

    /// <summary>Creates a request.</summary>
    /// <param name="method">The method.</param>
    /// <param name="target">The part after the base path, verbatim.</param>
    public HttpRequestMessage CreateRequest(HttpMethod method, string target)
    {
        // Names are not paths to be normalised: dot segments and escapes stay as they are.
        var uri = new Uri(_address.Origin + _address.BasePath + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(method, uri);
        // If a connection ends before the response, HttpClient silently repeats requests without
        // content. It must not do that for non-idempotent requests, so these get an empty content.
        if (method != HttpMethod.Get && method != HttpMethod.Head) request.Content = new ByteArrayContent([]);
        request.Headers.Accept.Add(MediaType);
        request.Headers.Authorization = _authorization;
        return request;
    }

    /// <summary>Returns the name of the item that a request concerns; <see langword="null"/> if it concerns the store.</summary>
    /// <param name="target">The address of the request.</param>
    public string? FindName(Uri target)
    {
        var path = target.AbsolutePath;
        var name = path.StartsWith(_address.BasePath, StringComparison.Ordinal) ? Uri.UnescapeDataString(path[_address.BasePath.Length..].Trim('/')) : "";
        return name.Length == 0 ? null : name;
    }

    /// <summary>Whether another connection reaches the same server. A child has
    /// its own server, and <c>ssh</c> itself detects a dead connection.</summary>
    public bool CanPing => _address.Command is null;

    /// <summary>Creates a request that every server answers immediately, even when it is busy: ours reports its health,
    /// and Python's refuses a request that does not accept its protocol before it waits for anything.</summary>
    public HttpRequestMessage CreateHealthRequest() => new(HttpMethod.Get, $"{_address.Origin}{_address.BasePath}/?cmd=health");

    /// <summary>Closes all connections and waits for the children to end.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        foreach (var child in _children.Keys) await child.DisposeAsync().ConfigureAwait(false);
        Slots?.Dispose();
        RequestLock?.Dispose();
    }

    private static async ValueTask<Stream> ConnectTcpAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Must precede the options: after setting them, .NET 8 refuses to try several addresses of a name.
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
            // Detects a dead connection within a minute, even while a slow response is awaited, such as the hash of a large value.
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

    private async ValueTask<Stream> StartChildAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var child = new ChildStream(_address.RemoteCommand is { } remote ? await StartSshAsync(_address.Ssh!, remote, cancellationToken).ConfigureAwait(false)
            : Start(_address.Command!), OnChildEnded);
        _children[child] = 0;
        return child;
    }

    private async Task<ChildProcess> StartSshAsync(SshTarget target, string command, CancellationToken cancellationToken)
    {
        var configuration = await _configuration!.ReadAsync(cancellationToken).ConfigureAwait(false);
        return SshCommand.Start(SshCommand.ForProgram(target, command, configuration.CipherOptions));
    }

    private static ChildProcess Start(ChildCommand command)
    {
        try
        {
            return ChildProcess.Start(command);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new StoreException(StoreError.NotSupported, ChildProcess.DescribeMissing(command.FileName, e, "Install it, and make sure that it is on the PATH"), innerException: e);
        }
    }

    private void OnChildEnded(ChildStream child, int exitCode, string errors)
    {
        _children.TryRemove(child, out _);
        if (exitCode == 0) return;
        _childErrors = errors;
        // Not found, not executable, or wrong usage; all occur before anything is sent.
        IsUnrecoverable = !child.HasResponded && exitCode is 126 or 127 or 2;
        // The exit code of ssh's own failures.
        SshFailure = _address.Ssh is { } target && !child.HasResponded && exitCode == 255 ? SshFailure.Explain(target.Server, errors, exitCode, hadHandshake: false) : null;
        IsUnrecoverable |= SshFailure is { Error: not StoreError.ConnectionLost };
    }

    private static void TrustAuthority(SocketsHttpHandler handler)
    {
        if (Environment.GetEnvironmentVariable(AuthorityVariable) is not { Length: > 0 } file) return;
        handler.SslOptions = CertificateAuthorities.Trust(AuthorityVariable, file);
    }
}
