using System.Net;
using System.Text.RegularExpressions;
using BorgStore.Processes;

namespace BorgStore.Backends.Rest;

/// <summary>Where a REST server is and how it is reached, read from a URL.</summary>
/// <remarks>
/// <c>http://[user:password@]host[:port][/base]</c>, <c>https://…</c>, <c>http+unix://%2Frun%2Fx.sock[/base]</c>,
/// <c>rest://[user@]host[:port]/path</c> over ssh and <c>rest:///path</c> by a process of this machine. As in the Python package,
/// the path of <c>rest:</c> begins behind the slash: <c>rest://host/x</c> is relative to the login directory,
/// <c>rest://host//srv/x</c> absolute.
/// </remarks>
/// <param name="Origin">Scheme, host and port of the requests.</param>
/// <param name="BasePath">What stands before every name, without a slash at its end.</param>
internal sealed partial record RestAddress(string Origin, string BasePath)
{
    /// <summary>The variables that hold user and password where the URL has none.</summary>
    public const string UsernameVariable = "BORGSTORE_REST_USERNAME", PasswordVariable = "BORGSTORE_REST_PASSWORD";

    /// <summary>The variable that names another program than <c>ssh</c>, with its arguments.</summary>
    public const string RemoteShellVariable = "BORGSTORE_RSH";

    private const string ServerCommand = "borgstore-server-rest";

    /// <summary>User and password.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>The unix socket that leads to the server.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>The command that is, or leads to, a server on its stdin and stdout.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>The host that the command reaches over ssh; <see langword="null"/> where it runs on this machine.</summary>
    public string? SshHost { get; init; }

    /// <summary>Reads a URL.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="credential">User and password, where the URL has none.</param>
    /// <param name="remoteShell">The program that reaches other hosts, with its arguments; by default the one of the environment.</param>
    public static RestAddress Parse(string url, NetworkCredential? credential = null, string? remoteShell = null)
        => StoreUrl.GetScheme(url) switch
        {
            "http" or "https" => ParseHttp(url, credential),
            "http+unix" => ParseUnix(url, credential),
            "rest" => ParseRest(url, remoteShell ?? Environment.GetEnvironmentVariable(RemoteShellVariable)),
            _ => throw Invalid(url, "its scheme is not http, https, http+unix or rest"),
        };

    private static RestAddress ParseHttp(string url, NetworkCredential? credential)
    {
        var match = HttpPattern().Match(url);
        if (!match.Success) throw Invalid(url, "user, host, port or path are not where they belong");
        var origin = $"{StoreUrl.GetScheme(url)}://{match.Groups["host"].Value}";
        if (!Uri.TryCreate(origin, UriKind.Absolute, out var parsed) || parsed.Host.Length == 0) throw Invalid(url, "its host or port is wrong");
        var user = match.Groups["user"];
        return new(origin, match.Groups["path"].Value.TrimEnd('/'))
        {
            Credential = user.Success
                ? new(Uri.UnescapeDataString(user.Value), Uri.UnescapeDataString(match.Groups["password"].Value))
                : credential ?? FindCredential(),
        };
    }

    private static RestAddress ParseUnix(string url, NetworkCredential? credential)
    {
        var match = UnixPattern().Match(url);
        if (!match.Success) throw Invalid(url, "it names no socket with its slashes encoded");
        return new("http://localhost", match.Groups["path"].Value.TrimEnd('/'))
        {
            UnixSocket = Uri.UnescapeDataString(match.Groups["socket"].Value),
            Credential = credential ?? FindCredential(),
        };
    }

    private static RestAddress ParseRest(string url, string? remoteShell)
    {
        var match = RestPattern().Match(url);
        if (!match.Success) throw Invalid(url, "host or path are missing");
        var (user, host, port) = (match.Groups["user"].Value, match.Groups["host"].Value, match.Groups["port"].Value);
        string[] server = [ServerCommand, "--stdio", "--backend", "FILE:" + match.Groups["path"].Value];
        if (host.Length == 0) return new("http://stdio", "") { Command = server };

        // What begins with a dash would be an option of ssh.
        if (host.StartsWith('-') || user.StartsWith('-')) throw Invalid(url, "no user or host begins with '-'");
        var shell = remoteShell is { Length: > 0 }
            ? ShellWords.SplitLocal(remoteShell)
            : [
                // A line that died is noticed within a minute and a half, and a host that is not there sooner than the system does.
                "ssh", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=3", .. port.Length > 0 ? ["-p", port] : Array.Empty<string>(),
            ];
        var login = user.Length > 0 ? $"{user}@{host.Trim('[', ']')}" : host.Trim('[', ']');
        return new("http://stdio", "") { Command = [.. shell, login, .. server.Select(ShellWords.Quote)], SshHost = port.Length > 0 ? $"{host}:{port}" : host };
    }

    private static NetworkCredential? FindCredential()
        => Environment.GetEnvironmentVariable(UsernameVariable) is { Length: > 0 } user
            && Environment.GetEnvironmentVariable(PasswordVariable) is { Length: > 0 } password
            ? new(user, password)
            : null;

    private static StoreException Invalid(string url, string problem)
        => StoreUrl.Invalid(url, problem, StoreUrl.GetScheme(url) switch
        {
            "http+unix" => "'http+unix://%2Frun%2Fborgstore.sock/path'",
            "rest" => "'rest://user@host:port/path', or 'rest:///path' for this machine",
            var scheme => $"'{scheme}://user:password@host:port/path'",
        });

    [GeneratedRegex(@"^https?://(?:(?<user>[^:/@]+):(?<password>[^/]+)@)?(?<host>(?:\[[0-9a-fA-F:.%a-z]+\]|[^:/@\[\]?#]+)(?::\d+)?)(?<path>/[^?#]*)?$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex HttpPattern();

    [GeneratedRegex(@"^http\+unix://(?<socket>%2[Ff][^/?#]*)(?<path>/[^?#]*)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex UnixPattern();

    [GeneratedRegex(@"^rest://(?:(?:(?<user>[^@:/]+)@)?(?<host>[^@:/\[\]]+|\[[0-9a-fA-F:.]+\])(?::(?<port>\d+))?)?/(?<path>[^?#]+)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex RestPattern();
}
