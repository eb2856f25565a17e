using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using BorgStore.Processes;
using BorgStore.Security;

namespace BorgStore.PowerShell.Server;

/// <summary>The settings of a server.</summary>
/// <param name="StoreUrl">The URL of the store to serve, which may contain a secret.</param>
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
    ];

    /// <summary>Rewrites a message of the server with the cmdlet's parameters in place of the program's options.</summary>
    public static string Translate(string words) => Options().Replace(words, option => option.Value switch
    {
        "--host" => "-ListenAddress",
        "--backend" => "-Uri",
        "--username NAME" or "--password-file FILE" or "--username" or "--password-file" or "--password" => "-Credential",
        "--permissions" => "-Permission",
        "--certificate-key" => "-CertificateKey",
        "--log-level" => "-LogLevel",
        CertificatePasswordVariable => "-CertificatePassword",
        var same => $"-{char.ToUpperInvariant(same[2])}{same[3..]}",
    });

    private Dictionary<string, string?> Environment
    {
        get
        {
            var variables = new Dictionary<string, string?>
            {
                ["BORGSTORE_SERVER_BACKEND"] = StoreUrl,
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

    [GeneratedRegex($"--(?:host|backend|username NAME|password-file FILE|username|password-file|password|permissions|certificate-key|log-level|port|quota|durability|certificate)\\b|{CertificatePasswordVariable}")]
    private static partial Regex Options();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string ToJson(PermissionMap map)
        => JsonSerializer.Serialize(map.Entries.ToDictionary(entry => entry.Key, entry => PermissionMap.FormatRights(entry.Value)));
}
