using BorgStore.Security;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>What the server is told as it starts.</summary>
public sealed record ServerOptions
{
    /// <summary>The port of the Python server, which is the default here too.</summary>
    public const int DefaultPort = 5618;

    /// <summary>The URL of the store behind the server.</summary>
    public required string Backend { get; init; }

    /// <summary>The address or host name to listen on.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port to listen on; 0 for any that is free.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>The unix socket to listen on in place of host and port.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>Whether to listen on the socket that systemd hands over.</summary>
    public bool SocketActivation { get; init; }

    /// <summary>Whether to serve one client on stdin and stdout.</summary>
    public bool Stdio { get; init; }

    /// <summary>Whether a program started this one, that is told the addresses on stdout and whose end, seen as that of stdin, is ours.</summary>
    public bool Attached { get; init; }

    /// <summary>The user that clients have to name; <see langword="null"/> for no authentication.</summary>
    public string? Username { get; init; }

    /// <summary>The password of the user.</summary>
    public string? Password { get; init; }

    /// <summary>What clients may do under which names; <see langword="null"/> for everything.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The most bytes that all values together may have.</summary>
    public long? Quota { get; init; }

    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability { get; init; }

    /// <summary>The certificate for HTTPS, PEM with its key or PFX; <see langword="null"/> for plain HTTP.</summary>
    public string? Certificate { get; init; }

    /// <summary>The key of a PEM certificate, where it is in a file of its own.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>How long a client may be silent in the middle of a request or answer before it is cut off.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The slowest that a client may be once it had <see cref="StallTimeout"/> to begin [byte/s].</summary>
    public double MinimumRate { get; init; } = 240;

    /// <summary>What is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>What the user should know before the server starts, such as a password that others can see.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
