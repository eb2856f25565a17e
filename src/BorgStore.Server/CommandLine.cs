using BorgStore.Processes;
using BorgStore.Security;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server;

/// <summary>Parses the command line, both in our own form and as Borg passes it.</summary>
internal static class CommandLine
{
    public const string Help = """
        borgstore-server-rest --backend URL [options]
        borgstore-server-rest serve --rest --backend FILE:path [options]     the form that Borg 2 uses, with BORG_REMOTE_PATH=borgstore-server-rest

        Serves a store over HTTP. URL is the URL of any store; FILE:path may be relative or begin with ~. Pass a URL that contains a
        secret in BORGSTORE_SERVER_BACKEND instead.

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
        Store:
          --permissions WHAT       all, no-delete, write-only, read-only, or JSON such as {"": "lr", "locks": "lrwD"}
          --quota BYTES            the maximum size of all values together
          --restrict-to-path DIR          serve stores in or below this directory only; may be repeated
          --restrict-to-repository DIR    serve this store only; may be repeated
          --durability WHEN        batch (within a second, the default), each (before the answer), none
        Operation:
          --stall-timeout SECONDS  disconnect a client that sends nothing for this long in the middle of a request (120)
          --minimum-rate BYTES     ... or whose average rate is lower after that time, in bytes per second (240)
          --log-level LEVEL        error, warning, info (default), debug (one line per request)
          --attached               write the addresses to stdout as one line when ready, and stop when stdin ends
          --version, --help
        """;

    private const string BackendVariable = "BORGSTORE_SERVER_BACKEND";
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
        var options = new ServerOptions
        {
            Backend = ResolveBackend(values, isStdio),
            Host = values.Get("--host") ?? "127.0.0.1",
            Port = (int)values.GetNumber("--port", ServerOptions.DefaultPort, ushort.MaxValue),
            UnixSocket = values.Get("--unix-socket"),
            SocketActivation = values.HasFlag("--socket-activation"),
            Stdio = isStdio,
            Attached = values.HasFlag("--attached"),
            Username = username,
            Password = password,
            Permissions = permissions is null or "all" or "borgbackup-all" ? null : PermissionMap.Parse(permissions),
            Quota = values.Get("--quota") is null ? null : values.GetNumber("--quota", 0, long.MaxValue),
            Certificate = values.Get("--certificate"),
            CertificateKey = values.Get("--certificate-key"),
            Durability = values.Get("--durability") is { } durability ? ParseName<Durability>("--durability", durability) : default,
            StallTimeout = TimeSpan.FromSeconds(values.GetNumber("--stall-timeout", 120, 86400)),
            MinimumRate = values.GetNumber("--minimum-rate", 240, int.MaxValue),
            LogLevel = ParseLogLevel(values, isStdio),
            Warnings = warnings,
        };
        if (new[] { options.Stdio, options.SocketActivation, options.UnixSocket is not null }.Count(chosen => chosen) > 1)
            throw UsageError("Choose one of --stdio, --socket-activation and --unix-socket.");
        if (options.Attached && options.Stdio) throw UsageError("'--attached' has no use with '--stdio', which ends with stdin by itself.");
        if (options.StallTimeout <= TimeSpan.FromSeconds(1)) throw UsageError("'--stall-timeout' must be more than one second.");
        if (options.Certificate is not null && options.Stdio) throw UsageError("'--certificate' has no use on stdin and stdout.");
        return options;
    }

    private static string ResolveBackend(OptionValues values, bool isStdio)
    {
        var url = values.Get("--backend")
            ?? (isStdio ? FindOriginalBackend() : null)
            ?? (Environment.GetEnvironmentVariable(BackendVariable) is { Length: > 0 } named ? named : null)
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

    // With sshd's ForceCommand or authorized_keys, the client's own command is ignored; only the store is taken from it.
    private static string? FindOriginalBackend()
        => Environment.GetEnvironmentVariable(OriginalCommandVariable) is { Length: > 0 } command
            ? OptionValues.FindAmong(ShellWords.Split(command), "--backend")
            : null;

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
