using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;

namespace BorgStore.Backends.Rest;

/// <summary>The address of a REST server, parsed from a URL.</summary>
/// <remarks>
/// <c>http://[user:password@]host[:port][/base]</c>, <c>https://…</c>, <c>http+unix://%2Frun%2Fx.sock[/base]</c>,
/// <c>rest://[user@]host[:port]/path</c> over ssh, and <c>rest:///path</c> for a process on this machine. As in the Python package, the path
/// of <c>rest:</c> starts after the slash: <c>rest://host/x</c> is relative to the login directory, <c>rest://host//srv/x</c> is absolute.
/// </remarks>
/// <param name="Origin">The scheme, host and port of requests.</param>
/// <param name="BasePath">The prefix of all names, without a trailing slash.</param>
internal sealed partial record RestAddress(string Origin, string BasePath)
{
    /// <summary>The environment variables with user and password, used if the URL has none.</summary>
    public const string UsernameVariable = "BORGSTORE_REST_USERNAME", PasswordVariable = "BORGSTORE_REST_PASSWORD";

    private const string ServerCommand = "borgstore-server-rest";

    /// <summary>User and password.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>The path of the server's unix socket.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>The command that runs, or connects to, a server on its stdin and stdout.</summary>
    public ChildCommand? Command { get; init; }

    /// <summary>The host on which the server runs; <see langword="null"/> for this machine.</summary>
    public SshTarget? Ssh { get; init; }

    /// <summary>The command that our own ssh runs there; <see langword="null"/> if the user chose another program or options for it.</summary>
    public string? RemoteCommand { get; init; }

    /// <summary>Parses a URL.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="credential">User and password, if the URL has none.</param>
    /// <param name="remoteShell">The program that connects to other hosts, with its arguments; by default the one from the environment.</param>
    public static RestAddress Parse(string url, NetworkCredential? credential = null, string? remoteShell = null)
        => StoreUrl.GetScheme(url) switch
        {
            "http" or "https" => ParseHttp(url, credential),
            "http+unix" => ParseUnix(url, credential),
            "rest" => ParseRest(url, remoteShell ?? Environment.GetEnvironmentVariable(SshCommand.ProgramVariable)),
            _ => throw Invalid(url, "its scheme is not http, https, http+unix or rest"),
        };

    private static RestAddress ParseHttp(string url, NetworkCredential? credential)
    {
        var match = HttpPattern().Match(url);
        if (!match.Success) throw Invalid(url, "its user, host, port or path is malformed");
        var origin = $"{StoreUrl.GetScheme(url)}://{match.Groups["host"].Value}";
        if (!Uri.TryCreate(origin, UriKind.Absolute, out var parsed) || parsed.Host.Length == 0) throw Invalid(url, "its host or port is invalid");
        var user = match.Groups["user"];
        return new(origin, EncodePath(match.Groups["path"].Value))
        {
            Credential = user.Success
                ? new(Uri.UnescapeDataString(user.Value), Uri.UnescapeDataString(match.Groups["password"].Value))
                : credential ?? FindCredential(),
        };
    }

    private static RestAddress ParseUnix(string url, NetworkCredential? credential)
    {
        var match = UnixPattern().Match(url);
        if (!match.Success) throw Invalid(url, "it does not contain the path of a socket with encoded slashes");
        return new("http://localhost", EncodePath(match.Groups["path"].Value))
        {
            UnixSocket = Uri.UnescapeDataString(match.Groups["socket"].Value),
            Credential = credential ?? FindCredential(),
        };
    }

    // A request has ASCII only. What is encoded already stays as it is.
    private static string EncodePath(string path)
        => string.Concat(path.TrimEnd('/').EnumerateRunes().Select(rune => rune.IsAscii ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));

    private static RestAddress ParseRest(string url, string? remoteShell)
    {
        var match = RestPattern().Match(url);
        if (!match.Success) throw Invalid(url, "its host or path is missing");
        var (user, host, port) = (match.Groups["user"].Value, match.Groups["host"].Value, match.Groups["port"].Value);
        if (port.Length > 0 && !ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _)) throw Invalid(url, "its port is not a number up to 65535");
        string[] server = [ServerCommand, "--stdio", "--backend", "FILE:" + match.Groups["path"].Value];
        if (host.Length == 0) return new("http://stdio", "") { Command = new(server[0], server[1..]) };

        // ssh would take an argument with a leading dash as an option.
        if (host.StartsWith('-') || user.StartsWith('-')) throw Invalid(url, "its user or host begins with '-'");
        host = host.Trim('[', ']');
        string[] command = [.. server.Select(ShellWords.Quote)];
        // Detects a dead connection within a minute and a half, and an unreachable host sooner than the system does.
        var target = new SshTarget(host, user.Length > 0 ? user : null, port.Length > 0 ? int.Parse(port, CultureInfo.InvariantCulture) : null)
        {
            ConnectTimeout = TimeSpan.FromSeconds(15),
            SilenceTimeout = TimeSpan.FromMinutes(2),
        };
        if (remoteShell is not { Length: > 0 })
        {
            var remote = string.Join(' ', command);
            return new("http://stdio", "") { Command = SshCommand.ForProgram(target, remote), Ssh = target, RemoteCommand = remote };
        }
        // As in the Python package, another program gets no options of ssh.
        var shell = ShellWords.SplitLocal(remoteShell);
        return new("http://stdio", "") { Command = new(shell[0], [.. shell.Skip(1), user.Length > 0 ? $"{user}@{host}" : host, .. command]), Ssh = target };
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
