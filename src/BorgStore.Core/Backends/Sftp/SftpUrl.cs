using System.Globalization;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Ssh;

namespace BorgStore.Backends.Sftp;

/// <summary>The parts of a URL <c>sftp://[user@]host[:port]/path</c>. The host may be an alias in <c>~/.ssh/config</c>.</summary>
/// <param name="Host">A name, an alias or an address.</param>
/// <param name="Path">The path on the server: absolute with two slashes after the host, otherwise relative to the login directory.</param>
internal sealed record SftpUrl(string Host, string Path)
{
    private const string Prefix = "sftp://";
    private const int MaxConnections = 32;

    /// <summary>The user; <see langword="null"/> to leave it to ssh.</summary>
    public string? User { get; init; }

    /// <summary>The password; <see langword="null"/> if the URL has none.</summary>
    public string? Password { get; init; }

    /// <summary>The file with the private key: <c>?key=PATH</c>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>The transport: <c>?transport=ssh</c> or <c>ssh.net</c>; <see langword="null"/> to let the login decide.</summary>
    public string? Transport { get; init; }

    /// <summary>The port; <see langword="null"/> to leave it to ssh.</summary>
    public int? Port { get; init; }

    /// <summary>The number of connections: <c>?connections=N</c>.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>How long the server may be silent while requests are waiting: <c>?timeout=SECONDS</c>.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The server for ssh.</summary>
    public SshTarget Target => new(Host, User, Port) { ConnectTimeout = Timeout, SilenceTimeout = Timeout };

    /// <summary>The host and port for messages.</summary>
    public string Server => Target.Server;

    /// <summary>Parses a URL.</summary>
    /// <param name="url">The URL.</param>
    public static SftpUrl Parse(string url)
    {
        if (!url.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) throw Invalid(url, $"it does not begin with '{Prefix}'");
        var text = url[Prefix.Length..];
        var mark = text.IndexOf('?');
        var query = mark < 0 ? "" : text[(mark + 1)..];
        if (mark >= 0) text = text[..mark];

        var slash = text.IndexOf('/');
        if (slash < 0 || slash == text.Length - 1) throw Invalid(url, "it names no folder on the server");
        var authority = text[..slash];
        var path = Unescape(text[(slash + 1)..].TrimEnd('/'), url);
        if (path.Length == 0) throw Invalid(url, "the store can't be the root of the server");
        // As in rest: URLs; relative paths start in the login directory anyway.
        if (path.StartsWith("~/", StringComparison.Ordinal)) path = path[1..].TrimStart('/');
        if (path is "" or "~") throw Invalid(url, "the store can't be the home directory itself");

        var at = authority.LastIndexOf('@');
        var login = at < 0 ? [] : authority[..at].Split(':', 2);
        var user = login.Length == 0 ? null : Unescape(login[0], url);
        var (host, port) = ParseHost(authority[(at + 1)..], url);
        return ParseQuery(new SftpUrl(host, path) { User = user is "" ? null : user, Password = login.Length > 1 ? Unescape(login[1], url) : null, Port = port }, query, url);
    }

    private static (string Host, int? Port) ParseHost(string text, string url)
    {
        var end = text.StartsWith('[') ? text.IndexOf(']') + 1 : text.IndexOf(':') is >= 0 and var colon ? colon : text.Length;
        var host = end > 0 && text.StartsWith('[') ? Unescape(text[1..(end - 1)], url) : Unescape(text[..end], url);
        // ssh would take a leading dash as an option, and no host name contains blanks or slashes.
        if (host.Length == 0 || host[0] == '-' || host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '/' or '[' or ']'))
            throw Invalid(url, "it names no host");

        var rest = text[end..];
        if (rest.Length <= 1) return (host, null);
        if (rest[0] == ':' && ushort.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0)
            return (host, port);
        throw Invalid(url, $"'{StoreUrl.RedactPart(rest.TrimStart(':'), url)}' is not a port number");
    }

    private static SftpUrl ParseQuery(SftpUrl result, string query, string url)
    {
        foreach (var option in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = option.IndexOf('=');
            var (name, value) = equals < 0 ? (option, "") : (option[..equals], option[(equals + 1)..]);
            var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            result = name switch
            {
                "connections" when isNumber && number is >= 1 and <= MaxConnections => result with { Connections = number },
                "connections" => throw Invalid(url, $"'connections' must be a number from 1 to {MaxConnections}"),
                "timeout" when isNumber && number is >= 1 and <= 86400 => result with { Timeout = TimeSpan.FromSeconds(number) },
                "timeout" => throw Invalid(url, "'timeout' must be a number of seconds"),
                "key" when value.Length > 0 => result with { KeyFile = Unescape(value, url) },
                "key" => throw Invalid(url, "'key' must be the path of a private key"),
                "transport" when value is SftpConnector.SshProgram or SftpConnector.SshNet => result with { Transport = value },
                "transport" => throw Invalid(url, $"'transport' must be {SftpConnector.SshProgram} or {SftpConnector.SshNet}"),
                _ => throw Invalid(url, $"'{StoreUrl.RedactPart(name, url)}' is none of the options, which are connections, key, timeout and transport"),
            };
        }
        return result;
    }

    private static string Unescape(string text, string url)
    {
        var result = Uri.UnescapeDataString(text);
        return result.Any(char.IsControl) ? throw Invalid(url, "it contains a control character") : result;
    }

    private static StoreException Invalid(string url, string problem)
        => StoreUrl.Invalid(url, problem, "'sftp://user@host:port/folder', with two slashes for an absolute path");
}
