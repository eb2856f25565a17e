using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Server.Access;
using BorgStore.Server.Hosting;
using BorgStore.Server.Http;
using BorgStore.Server.Observability;
using BorgStore.Server.Page;
using BorgStore.Server.Stdio;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>A REST server in front of a store.</summary>
public sealed partial class RestServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HeadTimeout = TimeSpan.FromSeconds(10);
    private const int MaxConnections = 4096;

    private readonly ServerOptions _options;
    private readonly IStoreSource _stores;
    private readonly ILoginCheck _logins;
    private readonly ClientCertificates? _clientCertificates;
    private readonly WebApplication _app;
    private readonly ILogger _logger;
    private readonly UnixSocket? _unixSocket;
    private readonly ServerMetrics _metrics;
    private readonly MetricsExport? _metricsExport;
    private readonly AccessLog? _accessLog;
    private readonly AuditLog? _auditLog;
    private readonly LiveTraffic? _traffic;
    private readonly PageStores? _pageStores;
    private readonly List<Action> _refreshes = [];
    private readonly UnauthenticatedConnections _unauthenticatedConnections;
    private readonly int _maxConnections = OpenFiles.LimitConnections(MaxConnections);
    private Socket? _boundUnixSocket;

    /// <summary>Creates a server without opening anything yet.</summary>
    /// <param name="options">The options.</param>
    /// <param name="log">The destination of the log; stderr by default.</param>
    public RestServer(ServerOptions options, TextWriter? log = null)
    {
        Credentials.Check(options.Username, options.Password);
        _options = options;
        _metrics = new() { HasUserLabel = options.MetricsByUser };
        _unixSocket = options.UnixSocket is { } path ? new(path) : null;
        _unauthenticatedConnections = new(Math.Max(1, _maxConnections / 2), HeadTimeout < options.StallTimeout ? HeadTimeout : options.StallTimeout);
        var events = options.Page ? new RecentEvents() : null;
        var logger = new LineLogger(options.LogLevel, log ?? Console.Error, events is null ? null : events.Add);
        _logger = logger;
        var backendOptions = new BackendOptions
        {
            Quota = options.Quota,
            Durability = options.Durability,
            Warning = LogWarning,
        };
        var addresses = new ClientAddress(options.TrustedProxies);
        var passwords = options.UsersFile is { } users ? new ReloadedFile<PasswordFile>(users, PasswordFile.Parse, logger) : null;
        if (passwords is not null) _refreshes.Add(passwords.Refresh);
        var getRights = GetRights(options, logger);
        _clientCertificates = options.ClientAuthority is { } authority ? new(authority) : null;
        _logins = options.HasUsers
            ? new UserLogins(() => passwords?.Get(), getRights, options.NeedsCertificateAndPassword, addresses, logger, options.Time)
            : new SingleLogin(options.Username, options.Password);
        if (options.ProxyUserHeader is { } header) _logins = new ProxyLogin(header, addresses, _logins, logger);
        _stores = options.Root is null ? CreateSingleStore(options, backendOptions) : new StoreDirectory(options, backendOptions, getRights, Measure, logger, options.Time);

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Logging.AddProvider(logger).SetMinimumLevel(LogLevel.Trace)
            // It would make an activity for each request as long as anything may be logged, but the server's own logs say all of it.
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Configure);
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.CreateBoundListenSocket = CreateListenSocket);
        if (options.Certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton<IConnectionListenerFactory>(services
            => new BoundedTransportFactory(ActivatorUtilities.CreateInstance<SocketTransportFactory>(services), _maxConnections + OpenFiles.MaxPendingRejections));
        if (options.Stdio) builder.Services.AddSingleton<IConnectionListenerFactory>(new StdioTransportFactory(EndStdio));
        _app = builder.Build();
        var pages = new StatusPages(new(_stores.CheckAsync, _app.Lifetime.ApplicationStopping));
        _metricsExport = MetricsExport.CreateIfWanted(options.MetricsEndPoint, options.Metrics, pages, logger);
        if (options.AccessLog is { } accessLog) _accessLog = new(accessLog == "-" ? null : OpenLog(accessLog), FormatAccess, logger);
        if (options.AuditLog is { } auditLog) _auditLog = new(OpenLog(auditLog), options.Durability == Durability.Each, logger);
        if (events is not null) (_traffic, _pageStores) = (new(events, addresses), new());
        RequestDelegate application = new RestApplication(_stores, _logins, options, logger).HandleAsync;
        var metricsPage = options.Metrics ? new MetricsPage(_metricsExport!.CreateHandler(_app.Services), _logins, MayReadMetrics) : null;
        if (metricsPage is not null) application = Branch(MetricsPage.IsWanted, metricsPage.HandleAsync, application);
        RequestDelegate observed = new RequestObserver(application, pages, _metrics, _accessLog, _auditLog, _traffic).HandleAsync;
        var handler = observed;
        if (events is not null)
            handler = new AdminPage(new(options, _stores, _logins, getRights, _pageStores!, addresses, events), new(options.Time), _traffic!, events, logger).Wrap(handler);
        if (metricsPage is not null) handler = Branch(MetricsPage.IsWanted, observed, handler);
        _app.Run(handler);

        byte[] FormatAccess(RequestRecord record, MeasuredBody body, TimeSpan duration)
            => options.AccessLogFormat == AccessLogFormat.Combined ? record.ToCombinedLine(body, addresses) : record.ToLine(body, duration);
        bool MayReadMetrics(string user) => options.Root is null || getRights().MayReadMetrics(user);
        static RequestDelegate Branch(Func<HttpContext, bool> isWanted, RequestDelegate wanted, RequestDelegate other) => context => isWanted(context) ? wanted(context) : other(context);
    }

    /// <summary>The URLs that the server listens on, available after it was started.</summary>
    public IReadOnlyCollection<string> Addresses
        => _options.Stdio ? ["stdin and stdout"]
            : _options.UnixSocket is { } path ? [path]
            : [.. _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses];

    /// <summary>Starts listening.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        foreach (var warning in _options.Warnings) LogWarning(warning);
        await ListenAsync(cancellationToken);
        if (_metricsExport is not null) await _metricsExport.StartAsync(cancellationToken);
        if (_metricsExport?.Url is { } url) LogMetrics(url);
        SystemdNotification.SendReady();
        LogListening(string.Join(", ", Addresses));
    }

    /// <summary>Waits until the server has stopped.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellationToken = default) => _app.WaitForShutdownAsync(cancellationToken);

    /// <summary>Reads users, rights and the certificate again. The server does that by itself when their files change.</summary>
    public void Reload()
    {
        foreach (var refresh in _refreshes) refresh();
    }

    /// <summary>Tells the server to finish the requests in progress and stop.</summary>
    public void Stop() => _app.Lifetime.StopApplication();

    /// <summary>Finishes the requests in progress, then flushes and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        SystemdNotification.SendStopping();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_pageStores is not null) await _pageStores.DisposeAsync();
        _traffic?.Dispose();
        await _stores.DisposeAsync();
        (_logins as IDisposable)?.Dispose();
        if (_metricsExport is not null) await _metricsExport.DisposeAsync();
        _metrics.Dispose();
        if (_accessLog is not null) await _accessLog.DisposeAsync();
        _auditLog?.Dispose();
        _boundUnixSocket?.Dispose();
        _unixSocket?.Remove();
    }

    private SingleStore CreateSingleStore(ServerOptions options, BackendOptions backendOptions)
    {
        // Created once here, so that an invalid URL fails now and not with the first request.
        _ = BackendFactory.Create(options.Backend, backendOptions).DisposeAsync().AsTask();
        return new(() => Measure(BackendFactory.Create(options.Backend, backendOptions), options.Quota is not null, store: null), options);
    }

    private Func<Rights> GetRights(ServerOptions options, ILogger logger)
    {
        if (options.RightsFile is not { } path)
        {
            var always = RightsCheck.Combine(Rights.Unlimited, options);
            return () => always;
        }
        var rights = new ReloadedFile<Rights>(path, (text, file) => RightsCheck.Parse(text, file, options), logger);
        _refreshes.Add(rights.Refresh);
        return rights.Get;
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        try
        {
            _boundUnixSocket = _unixSocket?.Bind();
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw Explain(_options.UnixSocket is null ? "another program is already listening there. Choose another --port, or 0 for any free port." : "another program is already listening there.", e);
        }
        catch (SocketException e)
        {
            throw Explain(e.Message + ".", e);
        }
    }

    private IBackend Measure(IBackend backend, bool hasQuota, string? store)
        => _metrics.Watch(InstrumentedBackend.WrapIfEnabled(backend, BackendFactory.GetKnownScheme(_options.StorageUrl)), hasQuota, store);

    // A log that can't be written is found now and not with the first request.
    private LogFile OpenLog(string path)
    {
        var file = new LogFile(path, _options.LogMaxSize, _options.LogKeep);
        try
        {
            file.Append([]);
            return file;
        }
        catch (IOException e)
        {
            throw new IOException($"The log '{path}' can't be written: {e.Message}", e);
        }
    }

    private IOException Explain(string problem, Exception cause)
        => new($"Listening on {_options.UnixSocket ?? $"{_options.Host}, port {_options.Port}"} failed: {problem}", cause);

    private Socket CreateListenSocket(EndPoint endpoint)
        => endpoint is UnixDomainSocketEndPoint ? _boundUnixSocket! : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);

    private void EndStdio() => _app.Lifetime.StopApplication();

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        // Values may have any size, so a slow connection is no reason to cut it off, but silence is.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = new(_options.MinimumRate, _options.StallTimeout);
        limits.MinResponseDataRate = new(_options.MinimumRate, _options.StallTimeout);
        limits.MaxConcurrentConnections = _maxConnections;
        limits.RequestHeadersTimeout = HeadTimeout;
        if (_options.Stdio)
        {
            // The only client of a process may take its time. (An infinite time overflows in Kestrel and ends the connection at once.)
            limits.MinRequestBodyDataRate = limits.MinResponseDataRate = null;
            limits.KeepAliveTimeout = limits.RequestHeadersTimeout = TimeSpan.FromDays(3650);
        }

        if (_options.Stdio) kestrel.Listen(new StdioEndPoint(), ConfigureListener);
        else if (_options.SocketActivation) kestrel.ListenHandle(GetSystemdSocket(), ConfigureListener);
        else if (_options.UnixSocket is { } path) kestrel.ListenUnixSocket(Path.GetFullPath(path), ConfigureListener);
        // Listens on both addresses of the name. Kestrel cannot find a port that is free on both.
        else if (_options.Host == "localhost" && _options.Port > 0) kestrel.ListenLocalhost(_options.Port, ConfigureListener);
        else kestrel.Listen(ResolveHost(_options.Host), _options.Port, ConfigureListener);
    }

    private void ConfigureListener(ListenOptions listener)
    {
        listener.Protocols = HttpProtocols.Http1;
        _metrics.Watch(listener);
        // The only client on stdin may take its time.
        if (!_options.Stdio) _unauthenticatedConnections.Watch(listener);
        if (_options.Certificate is null) return;
        var certificate = new CertificateFile(_options.Certificate, _options.CertificateKey, _logger);
        _refreshes.Add(certificate.Refresh);
        listener.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ =>
            {
                var tls = new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Get(), EnabledSslProtocols = _options.TlsProtocols };
                _clientCertificates?.Configure(tls);
                return new(tls);
            },
        });
    }

    private static IPAddress ResolveHost(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address)) return address;
        try
        {
            return Dns.GetHostAddresses(host)[0];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw CommandLine.UsageError($"'--host {host}' is neither an address nor a host name that can be resolved: {e.Message}.");
        }
    }

    // See sd_listen_fds(3).
    private static ulong GetSystemdSocket()
    {
        const ulong FirstHandle = 3;
        return Environment.GetEnvironmentVariable("LISTEN_FDS") switch
        {
            "1" => FirstHandle,
            null or "" or "0" => throw new StoreException(StoreError.InvalidArgument,
                "--socket-activation needs a socket from systemd, but none was passed (LISTEN_FDS is not set)."),
            var count => throw new StoreException(StoreError.InvalidArgument, $"--socket-activation accepts one socket; systemd passed {count}."),
        };
    }

    [LoggerMessage(LogLevel.Information, "BorgStore REST server listening on {Addresses}")]
    private partial void LogListening(string addresses);

    [LoggerMessage(LogLevel.Information, "Metrics at {Url}")]
    private partial void LogMetrics(string url);

    [LoggerMessage(LogLevel.Warning, "{Warning}")]
    private partial void LogWarning(string warning);
}
