using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using BorgStore.Processes;
using BorgStore.Security;

namespace BorgStore.PowerShell.Server;

/// <summary>The settings of a server.</summary>
/// <param name="StoreUrl">The URL of the store to serve, or of the root with many stores; it may contain a secret.</param>
internal sealed partial record ServerSettings(string StoreUrl)
{
    // The server lets requests in progress finish, for at most 30 seconds.
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(35);

    private const string CertificatePasswordVariable = "BORGSTORE_SERVER_CERTIFICATE_PASSWORD";

    public required string ListenAddress { get; init; }

    public required int Port { get; init; }

    public NetworkCredential? Credential { get; init; }

    public PermissionMap? Permission { get; init; }

    public long? Quota { get; init; }

    public Durability Durability { get; init; }

    public string? Certificate { get; init; }

    public string? CertificateKey { get; init; }

    public string? CertificatePassword { get; init; }

    public required string LogLevel { get; init; }

    /// <summary>The settings for many stores and users, or <see langword="null"/> for a single store.</summary>
    public RootSettings? Root { get; init; }

    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    public IReadOnlyList<string> ContentHashes { get; init; } = [];

    public string? TlsMinVersion { get; init; }

    public bool Metrics { get; init; }

    public bool MetricsByUser { get; init; }

    public string? MetricsListen { get; init; }

    public string? AccessLog { get; init; }

    public string? AccessLogFormat { get; init; }

    public string? AuditLog { get; init; }

    public long? LogMaxSize { get; init; }

    public int? LogKeep { get; init; }

    public bool Page { get; init; }

    /// <summary>Returns the command that starts the server. Arguments are visible to other users, so
    /// anything that may be secret goes into environment variables.</summary>
    /// <param name="program">The program, with its leading arguments.</param>
    /// <param name="log">Receives the lines of the server's log.</param>
    public ChildCommand ToCommand(IReadOnlyList<string> program, Action<string> log)
        => new(program[0], [.. program.Skip(1), .. Arguments])
        {
            Environment = Environment,
            ErrorLine = log,
            ExitTimeout = ExitTimeout,
        };

    private IEnumerable<string> Arguments =>
    [
        "--attached", "--host", ListenAddress, "--port", Text(Port),
        "--durability", Durability.ToString().ToLowerInvariant(), "--log-level", LogLevel.ToLowerInvariant(),
        .. Permission is null ? Array.Empty<string>() : ["--permissions", ToJson(Permission)],
        .. Quota is { } quota ? ["--quota", Text(quota)] : Array.Empty<string>(),
        .. Certificate is null ? Array.Empty<string>() : ["--certificate", Certificate],
        .. CertificateKey is null ? Array.Empty<string>() : ["--certificate-key", CertificateKey],
        .. Root?.Arguments ?? [],
        .. TrustedProxies.SelectMany(proxy => new[] { "--trusted-proxy", proxy }),
        .. ContentHashes.Count == 0 ? Array.Empty<string>() : ["--content-hash", string.Join(',', ContentHashes)],
        .. TlsMinVersion is null ? Array.Empty<string>() : ["--tls-min-version", TlsMinVersion],
        .. Metrics ? ["--metrics"] : Array.Empty<string>(),
        .. MetricsByUser ? ["--metrics-by-user"] : Array.Empty<string>(),
        .. MetricsListen is null ? Array.Empty<string>() : ["--metrics-listen", MetricsListen],
        .. AccessLog is null ? Array.Empty<string>() : ["--access-log", AccessLog],
        .. AccessLogFormat is null ? Array.Empty<string>() : ["--access-log-format", AccessLogFormat.ToLowerInvariant()],
        .. AuditLog is null ? Array.Empty<string>() : ["--audit-log", AuditLog],
        .. LogMaxSize is { } size ? ["--log-max-size", Text(size)] : Array.Empty<string>(),
        .. LogKeep is { } count ? ["--log-keep", Text(count)] : Array.Empty<string>(),
        .. Page ? ["--page"] : Array.Empty<string>(),
    ];

    /// <summary>Rewrites a message of the server with cmdlets and their parameters in place of the program's commands and options.</summary>
    public static string Translate(string words) => Options().Replace(words, option => option.Value switch
    {
        "--host" => "-ListenAddress",
        "--backend" => "-Uri",
        "--username NAME" or "--password-file FILE" or "--username" or "--password-file" or "--password" => "-Credential",
        "--permissions" => "-Permission",
        "--users" => "-UserFile",
        "--rights" => "-RightsFile",
        "--private-repos" => "-PrivateRepositories",
        "--client-ca" => "-ClientAuthority",
        "--idle" => "-IdleTimeout",
        "--stores" or "--remove-stores" => "-Store",
        CertificatePasswordVariable => "-CertificatePassword",
        "borgstore-server-rest user add" or "user token add" => "New-BorgStoreServerUser",
        "borgstore-server-rest user set" or "user set" => "Set-BorgStoreServerUser",
        var same => string.Concat(same[2..].Split('-').Select(word => $"{char.ToUpperInvariant(word[0])}{word[1..]}").Prepend("-")),
    });

    private Dictionary<string, string?> Environment
    {
        get
        {
            var variables = new Dictionary<string, string?>
            {
                ["BORGSTORE_SERVER_BACKEND"] = Root is null ? StoreUrl : null,
                ["BORGSTORE_SERVER_ROOT"] = Root is null ? null : StoreUrl,
                // Keeps the server from reporting its readiness to the service manager that started PowerShell.
                ["NOTIFY_SOCKET"] = null,
            };
            if (CertificatePassword is not null) variables[CertificatePasswordVariable] = CertificatePassword;
            if (Credential is null) return variables;
            variables["BORGSTORE_SERVER_USERNAME"] = Credential.UserName;
            variables["BORGSTORE_SERVER_PASSWORD"] = Credential.Password;
            variables["CREDENTIALS_DIRECTORY"] = null;
            return variables;
        }
    }

    // Longer names come before those that they begin with.
    [GeneratedRegex("--(?:host|backend|username NAME|password-file FILE|username|password-file|password|permissions|certificate-key|log-level|log-max-size|log-keep|port|quota"
        + "|durability|certificate|root|depth|idle|max-open-stores|users|rights|private-repos|append-only|client-ca|client-certificate|trusted-proxy|proxy-user-header"
        + $"|content-hash|tls-min-version|metrics-listen|metrics-by-user|metrics|access-log-format|access-log|audit-log|page|stores|remove-stores|group|admin|expires)\\b|{CertificatePasswordVariable}|borgstore-server-rest user add|borgstore-server-rest user set|user token add|user set")]
    private static partial Regex Options();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string ToJson(PermissionMap map)
        => JsonSerializer.Serialize(map.Entries.ToDictionary(entry => entry.Key, entry => PermissionMap.FormatRights(entry.Value)));
}
