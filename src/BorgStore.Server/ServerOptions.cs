using BorgStore.Security;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>The options of a server.</summary>
public sealed record ServerOptions
{
    /// <summary>The default port, the same as that of the Python server.</summary>
    public const int DefaultPort = 5618;

    /// <summary>The URL of the store behind the server.</summary>
    public required string Backend { get; init; }

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

    /// <summary>The maximum total size of all values [bytes], or <see langword="null"/> if it is not limited.</summary>
    public long? Quota { get; init; }

    /// <summary>When stored values survive a power failure.</summary>
    public Durability Durability { get; init; }

    /// <summary>The certificate for HTTPS, PEM with its key or PFX, or <see langword="null"/> for plain HTTP.</summary>
    public string? Certificate { get; init; }

    /// <summary>The key of a PEM certificate, if it is a separate file.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>How long a client may be silent during a request or response before it is cut off.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The minimum rate of a client after <see cref="StallTimeout"/> [byte/s].</summary>
    public double MinimumRate { get; init; } = 240;

    /// <summary>The minimum level of log entries.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Warnings for the user, such as about a password that others can see.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
