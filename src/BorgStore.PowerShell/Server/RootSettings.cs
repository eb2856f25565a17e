using System.Globalization;

namespace BorgStore.PowerShell.Server;

/// <summary>The settings of a server that only concern many stores and their users.</summary>
internal sealed record RootSettings
{
    public required int Depth { get; init; }

    public string? UserFile { get; init; }

    public string? RightsFile { get; init; }

    public bool PrivateRepositories { get; init; }

    public bool AppendOnly { get; init; }

    public string? ClientAuthority { get; init; }

    public string? ClientCertificate { get; init; }

    public string? ProxyUserHeader { get; init; }

    public TimeSpan? IdleTimeout { get; init; }

    public int? MaxOpenStores { get; init; }

    /// <summary>The arguments of the server program.</summary>
    public IEnumerable<string> Arguments =>
    [
        "--depth", Text(Depth),
        .. Option("--users", UserFile),
        .. Option("--rights", RightsFile),
        .. PrivateRepositories ? ["--private-repos"] : Array.Empty<string>(),
        .. AppendOnly ? ["--append-only"] : Array.Empty<string>(),
        .. Option("--client-ca", ClientAuthority),
        .. Option("--client-certificate", ClientCertificate?.ToLowerInvariant()),
        .. Option("--proxy-user-header", ProxyUserHeader),
        .. Option("--idle", IdleTimeout is { } time ? Text((long)Math.Ceiling(time.TotalSeconds)) : null),
        .. Option("--max-open-stores", MaxOpenStores is { } count ? Text(count) : null),
    ];

    private static string[] Option(string name, string? value) => value is null ? [] : [name, value];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
