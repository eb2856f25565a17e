using System.Net;
using System.Security.Authentication;
using BorgStore.Hashing;
using BorgStore.Security;
using BorgStore.Server.Observability;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>The options of a server.</summary>
public sealed record ServerOptions
{
    /// <summary>The default port, the same as that of the Python server.</summary>
    public const int DefaultPort = 5618;

    /// <summary>The URL of the only store behind the server, or empty for a server with a <see cref="Root"/>.</summary>
    public string Backend { get; init; } = "";

    /// <summary>The folder, or the URL of a storage, below which the server has its stores, by their names.</summary>
    public string? Root { get; init; }

    /// <summary>The number of path elements that the name of every store below <see cref="Root"/> has.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>How long a store below <see cref="Root"/> stays open after its last request.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The maximum number of stores below <see cref="Root"/> that are open at a time.</summary>
    public int MaxOpenStores { get; init; } = 64;

    /// <summary>The file with the users and the hashes of their passwords, as htpasswd writes it.</summary>
    public string? UsersFile { get; init; }

    /// <summary>The file with the rights of users, groups and tokens.</summary>
    public string? RightsFile { get; init; }

    /// <summary>Whether each user may only use the stores whose names begin with the user's own.</summary>
    public bool PrivateRepositories { get; init; }

    /// <summary>Whether nothing may be deleted or replaced, by anyone.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>The PEM file of the authority whose certificates are logins of clients.</summary>
    public string? ClientAuthority { get; init; }

    /// <summary>Whether a client needs both a certificate and the password of its user.</summary>
    public bool NeedsCertificateAndPassword { get; init; }

    /// <summary>The addresses and networks of proxies whose <c>X-Forwarded-For</c> counts.</summary>
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    /// <summary>The header with the user whom a trusted proxy has checked, or <see langword="null"/> if it has no meaning.</summary>
    public string? ProxyUserHeader { get; init; }

    /// <summary>The address or host name to listen on.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port to listen on; 0 for any free port.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>The unix socket to listen on instead of host and port.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>Whether to listen on the socket passed by systemd.</summary>
    public bool SocketActivation { get; init; }

    /// <summary>Whether to serve one client on stdin and stdout.</summary>
    public bool Stdio { get; init; }

    /// <summary>Whether the server writes its addresses to stdout for the program that
    /// started it, and stops when that program closes stdin.</summary>
    public bool Attached { get; init; }

    /// <summary>The user required of clients, or <see langword="null"/> for no authentication.</summary>
    public string? Username { get; init; }

    /// <summary>The password of the user.</summary>
    public string? Password { get; init; }

    /// <summary>The rights of clients by path, or <see langword="null"/> if everything is allowed.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The namespaces in which values must be named by their hash, and the algorithm of each.</summary>
    public IReadOnlyDictionary<string, HashKind> ContentHashes { get; init; } = new Dictionary<string, HashKind>();

    /// <summary>The maximum total size of all values [bytes], or <see langword="null"/> if it is not limited.</summary>
    public long? Quota { get; init; }

    /// <summary>When stored values survive a power failure.</summary>
    public Durability Durability { get; init; }

    /// <summary>The certificate for HTTPS, PEM with its key or PFX, or <see langword="null"/> for plain HTTP.</summary>
    public string? Certificate { get; init; }

    /// <summary>The key of a PEM certificate, if it is a separate file.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>The versions of TLS to accept; <see cref="SslProtocols.None"/> for those that the system allows.</summary>
    public SslProtocols TlsProtocols { get; init; } = SslProtocols.None;

    /// <summary>How long a client may be silent during a request or response before it is cut off.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The minimum rate of a client after <see cref="StallTimeout"/> [byte/s].</summary>
    public double MinimumRate { get; init; } = 240;

    /// <summary>The minimum level of log entries.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The address at which Prometheus reads metrics, without a login; <see langword="null"/> for none.</summary>
    public IPEndPoint? MetricsEndPoint { get; init; }

    /// <summary>Whether Prometheus can read metrics on the port of the stores, at <c>/-/metrics</c>, with a login.</summary>
    public bool Metrics { get; init; }

    /// <summary>Whether metrics of requests have a label with the user.</summary>
    public bool MetricsByUser { get; init; }

    /// <summary>The file with a line for each request, <c>-</c> for stdout, or <see langword="null"/> for none.</summary>
    public string? AccessLog { get; init; }

    /// <summary>The format of the access log.</summary>
    public AccessLogFormat AccessLogFormat { get; init; }

    /// <summary>The file with a line for each change of the store, or <see langword="null"/> for none.</summary>
    public string? AuditLog { get; init; }

    /// <summary>The size at which a log begins a new file [bytes]; 0 for never.</summary>
    public long LogMaxSize { get; init; } = 100 << 20;

    /// <summary>The number of earlier files of a log to keep.</summary>
    public int LogKeep { get; init; } = 10;

    /// <summary>Whether the server has a page for administrators, at <c>/-/</c>.</summary>
    public bool Page { get; init; }

    /// <summary>The clock for idle stores, slowed logins, tokens and sessions.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether the server has many users.</summary>
    internal bool HasUsers => UsersFile is not null || RightsFile is not null || ClientAuthority is not null || ProxyUserHeader is not null;

    /// <summary>The URL of the storage behind the server.</summary>
    internal string StorageUrl => Root ?? Backend;

    /// <summary>Warnings for the user, such as about a password that others can see.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
