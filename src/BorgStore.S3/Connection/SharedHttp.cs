using System.Collections.Concurrent;
using Amazon.Runtime;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The connection pool shared by all stores of the process. Proxies come from the environment (<c>HTTPS_PROXY</c>,
/// <c>NO_PROXY</c>), certificate authorities from the system or the file named by <c>AWS_CA_BUNDLE</c>.</summary>
#pragma warning disable CA1001 // The client lives as long as the process.
internal sealed class SharedHttp : HttpClientFactory
#pragma warning restore CA1001
{
    /// <summary>The environment variable that names a file with authorities to trust.</summary>
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
            // Addresses of large services change, so connections are not kept forever.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            Proxy = ProxyChoice.Instance,
        };
        if (authorities.Length > 0) connections.SslOptions = CertificateAuthorities.Trust(AuthorityVariable, authorities);
        // Whole transfers may take hours; the handler detects stalls.
        Connections = new(connections);
        _client = new(new StallHandler(connections)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The connections without stall detection, for callers with their own.</summary>
    public HttpMessageInvoker Connections { get; }

    /// <summary>The pool for the current environment.</summary>
    public static SharedHttp Current => ByAuthorities.GetOrAdd(Environment.GetEnvironmentVariable(AuthorityVariable) ?? "", file => new(file));

    /// <inheritdoc/>
    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => _client;

    /// <inheritdoc/>
    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    /// <inheritdoc/>
    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
}
