using System.Collections.Concurrent;
using Amazon.Runtime;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3;

/// <summary>One pool of connections for all stores of the process. Proxies come from the environment (<c>HTTPS_PROXY</c>,
/// <c>NO_PROXY</c>), certificate authorities from the system or the file that <c>AWS_CA_BUNDLE</c> names.</summary>
#pragma warning disable CA1001 // The client lives as long as the process.
internal sealed class SharedHttp : HttpClientFactory
#pragma warning restore CA1001
{
    /// <summary>The variable that names a file with authorities to trust.</summary>
    public const string AuthorityVariable = "AWS_CA_BUNDLE";
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<string, SharedHttp> ByAuthorities = new();
    private readonly HttpClient _client;

    private SharedHttp(string authorities)
    {
        var connections = new SocketsHttpHandler
        {
            ConnectTimeout = HttpFailure.ConnectTimeout,
            PooledConnectionIdleTimeout = IdleTimeout,
            // Addresses of large services change; a connection isn't kept for ever.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            Proxy = ProxyChoice.Instance,
        };
        if (authorities.Length > 0) connections.SslOptions = CertificateAuthorities.Trust(AuthorityVariable, authorities);
        // Whole transfers may last for hours; what stands still is the concern of the handler.
        Connections = new(connections);
        _client = new(new StallHandler(connections)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The connections, for those who watch by themselves what stands still.</summary>
    public HttpMessageInvoker Connections { get; }

    /// <summary>The pool for what the environment says now.</summary>
    public static SharedHttp Current => ByAuthorities.GetOrAdd(Environment.GetEnvironmentVariable(AuthorityVariable) ?? "", file => new(file));

    /// <inheritdoc/>
    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => _client;

    /// <inheritdoc/>
    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    /// <inheritdoc/>
    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
}
