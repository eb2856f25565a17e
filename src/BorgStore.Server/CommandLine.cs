using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using BorgStore.Processes;
using BorgStore.Security;
using BorgStore.Server.Access;
using BorgStore.Server.Observability;
using BorgStore.Server.Stores;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>Parses the command line, both in our own form and as Borg passes it.</summary>
internal static class CommandLine
{
    public const string Help = """
        borgstore-server-rest --backend URL [options]
        borgstore-server-rest --root DIR [options]                           many stores, for many users
        borgstore-server-rest serve --rest --backend FILE:path [options]     the form that Borg 2 uses, with BORG_REMOTE_PATH=borgstore-server-rest
        borgstore-server-rest check [options]                                says all that is wrong with the options and their files
        borgstore-server-rest user add|set|remove NAME --users FILE [--rights FILE]     changes users; the password comes from stdin or --password-file
        borgstore-server-rest user list --users FILE [--rights FILE] [--json]
        borgstore-server-rest user token add NAME --rights FILE [--expires 90d]         prints a new token, once
        borgstore-server-rest user token remove NAME --rights FILE, user token list --rights FILE [--json]

        Serves a store over HTTP. URL is the URL of any store; FILE:path may be relative or begin with ~. Pass a URL that contains a
        secret in BORGSTORE_SERVER_BACKEND or BORGSTORE_SERVER_ROOT instead.

        Endpoint (choose one; TCP by default):
          --host ADDRESS           listen on this address or name (127.0.0.1)
          --port PORT              listen on this port (5618; 0 for any free port)
          --unix-socket PATH       listen on a unix socket, open to its owner and group
          --socket-activation      listen on the socket that systemd passes
          --stdio                  serve one client on stdin and stdout
        Access:
          --username NAME          require this user name; also BORGSTORE_SERVER_USERNAME
          --password-file FILE     require the password in this file; also BORGSTORE_SERVER_PASSWORD, or the systemd credential borgstore.password
          --password PASSWORD      require this password; for compatibility only, because it is visible in the list of processes
          --certificate FILE       serve HTTPS with this PEM or PFX file, which is reloaded when it changes
          --certificate-key FILE   the private key of a PEM certificate, if it is in a separate file
          --tls-min-version V      refuse older versions of TLS than 1.2 or 1.3 (what the system allows, 1.2 nearly everywhere)
        Many stores, at http://host:port/NAME:
          --root DIR|URL           the folder, or the URL of any storage, that has the stores
          --depth N                how many path elements every name has (1); with 2, TEAM/NAME
          --idle SECONDS           close a store after this long without a request (600)
          --max-open-stores N      ... or when so many are open and another one is needed (64)
        Many users, of these stores:
          --users FILE             their passwords, as 'user add' and htpasswd -B write them; read again when it changes
          --rights FILE            what they may do, as JSON (docs/users.md); read again when it changes
          --private-repos          each user may use the store of the user's own name only; with --depth 2, those below it
          --append-only            nobody may delete or replace values
          --client-ca FILE         a client certificate of this authority is a login: its common name is the user
          --client-certificate HOW instead of a password (instead, the default), or in addition to one (also)
          --trusted-proxy ADDRESS  take the client's address from the X-Forwarded-For of this proxy, network, or 'unix'; may be repeated
          --proxy-user-header NAME the trusted proxy has checked the user, whom this header names, such as X-Forwarded-User; ignored from others
        Rights, with 'user add', 'user set' and 'user token add':
          --stores NAME=PERMISSION all, no-delete, append-only, write-only, read-only, none or JSON, in the stores that NAME matches; may be repeated
          --remove-stores NAME     remove the rule for these stores; may be repeated
          --quota NAME=BYTES       the maximum size of each store that NAME matches, whoever uses it; may be repeated
          --group NAME             be a member of this group and of those named by further --group only; '' for none
          --admin, --no-admin      allow everything in all stores, or not
          --keep-password          of 'user set': change only the rights
          --expires TIME           of a token: 90d, 2027-12-31 or none
          --renew                  of 'user set': give the token a new secret, and print it
        Store:
          --permissions WHAT       all, no-delete, write-only, read-only, or JSON such as {"": "lr", "locks": "lrwD"}
          --content-hash NAMESPACE=ALGORITHM[,...]
                                   check that values in this namespace are named by their hash, such as data=sha256,packs=blake3
          --quota BYTES            the maximum size of all values of a store together
          --restrict-to-path DIR          serve stores in or below this directory only; may be repeated
          --restrict-to-repository DIR    serve this store only; may be repeated
          --durability WHEN        batch (within a second, the default), each (before the answer), none
        Operation:
          --stall-timeout SECONDS  disconnect a client that sends nothing for this long in the middle of a request (120)
          --minimum-rate BYTES     ... or whose average rate is lower after that time, in bytes per second (240)
          --log-level LEVEL        error, warning, info (default), debug (one line per request)
          --metrics                serve metrics for Prometheus at /-/metrics, beside the stores, with the login of an administrator or a user with the right
          --metrics-listen WHERE   serve metrics for Prometheus at this PORT of 127.0.0.1 or ADDRESS:PORT, without a login: /-/metrics. With
                                   OTEL_EXPORTER_OTLP_ENDPOINT, metrics are sent to that collector
          --metrics-by-user        add the label 'user' to the metrics of requests
          --access-log FILE        write a line for each request; - for stdout
          --access-log-format HOW  json (default), or combined, which is Apache's, for fail2ban, goaccess and the like
          --audit-log FILE         write a line of JSON for each change before it is acknowledged; no changes are accepted while that fails
          --log-max-size BYTES     begin a new file at this size, and rename the old one to FILE.1 (104857600; 0 for never)
          --log-keep COUNT         keep this many old files (10)
          --attached               write the addresses to stdout as one line when ready, and stop when stdin ends
          --page                   show a page for administrators at /-/ (docs/page.md)
          --version, --help
        """;

    private const string BackendVariable = "BORGSTORE_SERVER_BACKEND";
    private const string RootVariable = "BORGSTORE_SERVER_ROOT";
    private const string OriginalCommandVariable = "SSH_ORIGINAL_COMMAND";

    /// <summary>Parses the options.</summary>
    /// <param name="args">The arguments.</param>
    public static ServerOptions Parse(IReadOnlyList<string> args)
    {
        var isBorgs = args.Count > 0 && args[0] == "serve";
        var values = new OptionValues(args, isBorgs ? 1 : 0);
        if (isBorgs && !values.HasFlag("--rest")) throw UsageError("'serve' needs '--rest'.");
        var isStdio = isBorgs || values.HasFlag("--stdio");

        var permissions = values.Get("--permissions");
        var (username, password, warnings) = Credentials.Find(values);
        var root = values.Get("--root") ?? (values.HasFlag("--backend") || isStdio ? null : FindVariable(RootVariable));
        var options = new ServerOptions
        {
            Backend = root is null ? ResolveBackend(values, isStdio) : "",
            Root = root,
            Depth = (int)values.GetNumber("--depth", 1, StoreName.MaxDepth),
            IdleTime = TimeSpan.FromSeconds(values.GetNumber("--idle", 600, 86400 * 365)),
            MaxOpenStores = (int)values.GetNumber("--max-open-stores", 64, 1_000_000),
            UsersFile = values.Get("--users"),
            RightsFile = values.Get("--rights"),
            PrivateRepositories = values.HasFlag("--private-repos"),
            AppendOnly = values.HasFlag("--append-only"),
            ClientAuthority = values.Get("--client-ca"),
            NeedsCertificateAndPassword = values.Get("--client-certificate") switch
            {
                null or "instead" => false,
                "also" => true,
                var how => throw UsageError($"'--client-certificate {how}' is neither 'instead' nor 'also'."),
            },
            ProxyUserHeader = values.Get("--proxy-user-header"),
            TrustedProxies = values.GetAll("--trusted-proxy"),
            Host = values.Get("--host") ?? "127.0.0.1",
            Port = (int)values.GetNumber("--port", ServerOptions.DefaultPort, ushort.MaxValue),
            UnixSocket = values.Get("--unix-socket"),
            SocketActivation = values.HasFlag("--socket-activation"),
            Stdio = isStdio,
            Attached = values.HasFlag("--attached"),
            Username = username,
            Password = password,
            Permissions = permissions is null or "all" or "borgbackup-all" ? null : PermissionMap.Parse(permissions),
            ContentHashes = HashedNamespaces.Parse(values.GetAll("--content-hash")),
            Quota = values.Get("--quota") is null ? null : values.GetNumber("--quota", 0, long.MaxValue),
            Certificate = values.Get("--certificate"),
            CertificateKey = values.Get("--certificate-key"),
            TlsProtocols = values.Get("--tls-min-version") switch
            {
                null => SslProtocols.None,
                "1.2" => SslProtocols.Tls12 | SslProtocols.Tls13,
                "1.3" => SslProtocols.Tls13,
                var version => throw UsageError($"'--tls-min-version {version}' is neither 1.2 nor 1.3."),
            },
            Durability = values.Get("--durability") is { } durability ? ParseName<Durability>("--durability", durability) : default,
            StallTimeout = TimeSpan.FromSeconds(values.GetNumber("--stall-timeout", 120, 86400)),
            MinimumRate = values.GetNumber("--minimum-rate", 240, int.MaxValue),
            LogLevel = ParseLogLevel(values, isStdio),
            MetricsEndPoint = values.Get("--metrics-listen") is { } endpoint ? ParseEndPoint("--metrics-listen", endpoint) : null,
            Metrics = values.HasFlag("--metrics"),
            MetricsByUser = values.HasFlag("--metrics-by-user"),
            AccessLog = values.Get("--access-log"),
            AccessLogFormat = values.Get("--access-log-format") is { } format ? ParseName<AccessLogFormat>("--access-log-format", format) : default,
            AuditLog = values.Get("--audit-log"),
            LogMaxSize = values.GetNumber("--log-max-size", 100 << 20, long.MaxValue),
            LogKeep = (int)values.GetNumber("--log-keep", 10, 1000),
            Page = values.HasFlag("--page"),
            Warnings = warnings,
        };
        if (new[] { options.Stdio, options.SocketActivation, options.UnixSocket is not null }.Count(chosen => chosen) > 1)
            throw UsageError("Choose one of --stdio, --socket-activation and --unix-socket.");
        if (options.Attached && options.Stdio) throw UsageError("'--attached' has no use with '--stdio', which ends with stdin by itself.");
        if (options.AccessLog == "-" && (options.Stdio || options.Attached)) throw UsageError("'--access-log -' has no place on stdout beside '--stdio' or '--attached'. Specify a file.");
        if (options.AccessLog is null && values.HasFlag("--access-log-format")) throw UsageError("'--access-log-format' needs '--access-log'.");
        if (options.Metrics && options.Stdio) throw UsageError("'--metrics' has no use on stdin and stdout. Use '--metrics-listen'.");
        if (options.Page && options.Stdio) throw UsageError("'--page' has no use on stdin and stdout.");
        if (options.StallTimeout <= TimeSpan.FromSeconds(1)) throw UsageError("'--stall-timeout' must be more than one second.");
        if (options.Certificate is not null && options.Stdio) throw UsageError("'--certificate' has no use on stdin and stdout.");
        if (options.TlsProtocols != SslProtocols.None && options.Certificate is null) throw UsageError("'--tls-min-version' needs '--certificate'.");
        CheckRoot(options, values);
        return options;
    }

    /// <summary>Throws if the options for many stores and users do not fit together.</summary>
    private static void CheckRoot(ServerOptions options, OptionValues values)
    {
        string[] forRoot = ["--depth", "--idle", "--max-open-stores", "--users", "--rights", "--private-repos", "--append-only", "--client-ca", "--client-certificate", "--proxy-user-header"];
        string[] forOne = ["--backend", "--permissions", "--stdio", "--restrict-to-path", "--restrict-to-repository", "--rest"];
        if (options.Root is null)
        {
            if (forRoot.FirstOrDefault(values.HasFlag) is { } alone) throw UsageError($"'{alone}' needs '--root DIR'.");
            return;
        }
        if (forOne.FirstOrDefault(values.HasFlag) is { } other) throw UsageError($"'{other}' is for a server with one store, so it can't be used with '--root'.{(other == "--permissions" ? " Use '--rights FILE'." : "")}");
        if (options.Depth == 0 || options.MaxOpenStores == 0 || options.IdleTime == TimeSpan.Zero) throw UsageError("'--depth', '--idle' and '--max-open-stores' must be at least 1.");
        if (options.Username is not null && options.HasUsers) throw UsageError("'--username' is for a server with one user. Add the user with 'borgstore-server-rest user add'.");
        if (options.ClientAuthority is not null && options.Certificate is null) throw UsageError("'--client-ca' needs '--certificate', because certificates of clients are a part of TLS.");
        if (options.ClientAuthority is null && values.HasFlag("--client-certificate")) throw UsageError("'--client-certificate' needs '--client-ca'.");
        if (options.NeedsCertificateAndPassword && options.UsersFile is null && options.RightsFile is null) throw UsageError("'--client-certificate also' needs '--users' or '--rights'.");
        if (options.PrivateRepositories && !options.HasUsers) throw UsageError("'--private-repos' needs users: '--users', '--rights', '--client-ca' or '--proxy-user-header'.");
        if (options.ProxyUserHeader is not { } header) return;
        if (ProxyLogin.DescribeProblem(header) is { } problem) throw UsageError($"'--proxy-user-header {header}' {problem}.");
        if (options.TrustedProxies.Count == 0) throw UsageError("'--proxy-user-header' needs '--trusted-proxy', because anyone else could send the header.");
        if (options.NeedsCertificateAndPassword) throw UsageError("'--proxy-user-header' replaces the password, so it can't be used with '--client-certificate also'.");
    }

    private static string ResolveBackend(OptionValues values, bool isStdio)
    {
        var url = values.Get("--backend")
            ?? (isStdio ? FindOriginalBackend() : null)
            ?? FindVariable(BackendVariable)
            ?? throw UsageError("'--backend URL' is missing.");
        var (belowAnyOf, anyOf) = (values.GetAll("--restrict-to-path"), values.GetAll("--restrict-to-repository"));
        if (!url.StartsWith(LocalPath.Prefix, StringComparison.Ordinal))
        {
            return belowAnyOf.Count + anyOf.Count == 0
                ? url
                : throw new StoreException(StoreError.PermissionDenied, $"Only '{LocalPath.Prefix}path' is served here.");
        }

        var path = LocalPath.Resolve(url[LocalPath.Prefix.Length..]);
        if ((belowAnyOf.Count > 0 && !belowAnyOf.Any(directory => LocalPath.IsInOrBelow(path, LocalPath.Resolve(directory))))
            || (anyOf.Count > 0 && !anyOf.Any(directory => path == LocalPath.Resolve(directory))))
            throw new StoreException(StoreError.PermissionDenied, "The store is outside the paths that this server may serve.");
        return LocalPath.ToFileUrl(path);
    }

    private static string? FindVariable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    // With sshd's ForceCommand or authorized_keys, the client's own command is ignored; only the store is taken from it.
    private static string? FindOriginalBackend()
        => Environment.GetEnvironmentVariable(OriginalCommandVariable) is { Length: > 0 } command
            ? OptionValues.FindAmong(ShellWords.Split(command), "--backend")
            : null;

    private static IPEndPoint ParseEndPoint(string option, string text)
    {
        if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return new(IPAddress.Loopback, port);
        var colon = text.LastIndexOf(':');
        return colon > 0 && IPAddress.TryParse(text[..colon].Trim('[', ']'), out var address) && (address.AddressFamily == AddressFamily.InterNetwork || text[colon - 1] == ']')
            && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)
            ? new(address, port)
            : throw UsageError($"'{option} {text}' is neither a port nor an address with a port, such as 127.0.0.1:9464 or [::1]:9464.");
    }

    private static LogLevel ParseLogLevel(OptionValues values, bool isStdio)
    {
        // Borg's names for log levels.
        foreach (var (flag, level) in new[] { ("--debug", LogLevel.Debug), ("--info", LogLevel.Information), ("--verbose", LogLevel.Information) })
            if (values.HasFlag(flag)) return level;
        return values.Get("--log-level") switch
        {
            // On stdin, the program that started the server shows stderr to a user.
            null => isStdio ? LogLevel.Warning : LogLevel.Information,
            "info" => LogLevel.Information,
            var name => ParseName<LogLevel>("--log-level", name),
        };
    }

    private static T ParseName<T>(string option, string text) where T : struct, Enum
        => Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value) && !char.IsAsciiDigit(text[0])
            ? value
            : throw UsageError($"'{option} {text}' is not one of {string.Join(", ", Enum.GetNames<T>().Select(name => name.ToLowerInvariant()))}.");

    internal static StoreException UsageError(string message) => new(StoreError.InvalidArgument, message + " See --help.");
}
