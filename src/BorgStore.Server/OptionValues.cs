using System.Globalization;

namespace BorgStore.Server;

/// <summary>The options of a command line by name.</summary>
internal sealed class OptionValues
{
    private static readonly HashSet<string> WithValue =
    [
        "--host", "--port", "--backend", "--username", "--password", "--password-file", "--permissions", "--quota", "--unix-socket",
        "--certificate", "--certificate-key", "--durability", "--stall-timeout", "--minimum-rate", "--log-level",
        "--restrict-to-path", "--restrict-to-repository", "--metrics-listen", "--access-log", "--access-log-format", "--audit-log", "--log-max-size", "--log-keep",
        "--root", "--depth", "--idle", "--max-open-stores", "--users", "--rights", "--client-ca", "--client-certificate", "--trusted-proxy", "--content-hash", "--tls-min-version", "--proxy-user-header",
        // Passed by Borg; they concern only its own files and locks.
        "--umask", "--lock-wait", "--debug-topic",
    ];

    private static readonly HashSet<string> Flags =
        ["--socket-activation", "--page", "--metrics", "--metrics-by-user", "--stdio", "--attached", "--private-repos", "--append-only", "--rest", "--critical", "--error", "--warning", "--info", "--verbose", "--debug", "--log-json"];

    private readonly Dictionary<string, List<string>> _values = [];

    /// <summary>Parses a command line. Unknown options are rejected.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="start">The index of the first option.</param>
    /// <param name="withValue">The options that have a value, or <see langword="null"/> for those of the server.</param>
    /// <param name="flags">The options without a value, or <see langword="null"/> for those of the server.</param>
    public OptionValues(IReadOnlyList<string> args, int start, IReadOnlySet<string>? withValue = null, IReadOnlySet<string>? flags = null)
    {
        for (var i = start; i < args.Count; i++)
        {
            var (name, value) = SplitAtEquals(args[i]);
            if ((flags ?? Flags).Contains(name) && value is null)
                value = "";
            else if (!(withValue ?? WithValue).Contains(name))
                throw CommandLine.UsageError($"There is no option '{name}'.");
            else if (value is null)
                value = ++i < args.Count ? args[i] : throw CommandLine.UsageError($"'{name}' needs a value.");

            if (!_values.TryGetValue(name, out var all)) _values[name] = all = [];
            all.Add(value);
        }
    }

    public bool HasFlag(string name) => _values.ContainsKey(name);

    public string? Get(string name) => GetAll(name) is [.., var last] ? last : null;

    public IReadOnlyList<string> GetAll(string name) => _values.TryGetValue(name, out var all) ? all : [];

    public long GetNumber(string name, long otherwise, long max)
        => Get(name) is not { } text ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? number
            : throw CommandLine.UsageError($"'{name} {text}' is not a number up to {max}.");

    /// <summary>Returns the value of one option, ignoring all other arguments.</summary>
    public static string? FindAmong(IReadOnlyList<string> args, string wanted)
    {
        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = SplitAtEquals(args[i]);
            if (name == wanted) return value ?? (i + 1 < args.Count ? args[i + 1] : null);
        }
        return null;
    }

    private static (string Name, string? Value) SplitAtEquals(string arg)
        => arg.StartsWith("--", StringComparison.Ordinal) && arg.IndexOf('=') is > 0 and var equals
            ? (arg[..equals], arg[(equals + 1)..])
            : (arg, null);
}
