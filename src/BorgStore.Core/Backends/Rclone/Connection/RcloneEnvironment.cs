using System.Collections;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>The options of our rclone, as environment variables: these do not appear
/// in process lists, and a version that does not know an option ignores it.</summary>
internal static class RcloneEnvironment
{
    private const string Prefix = "RCLONE_";

    // Long enough never to interrupt a transfer.
    private const string TenYears = "87600h";

    private static readonly (string Name, string Value)[] Required =
    [
        ("RC_ADDR", "127.0.0.1:0"),
        ("RC_SERVE", "true"),
        ("RC_SERVER_READ_TIMEOUT", TenYears),
        ("RC_SERVER_WRITE_TIMEOUT", TenYears),
        // Keep a remote open as long as rclone runs, and forget the result of a call once it is delivered.
        ("FS_CACHE_EXPIRE_DURATION", TenYears),
        ("RC_JOB_EXPIRE_DURATION", "1s"),
        ("RC_JOB_EXPIRE_INTERVAL", "1s"),
        // Reading the time from an object's metadata would cost a request per object of a listing.
        ("USE_SERVER_MODTIME", "true"),
        // Otherwise a move onto an item of the same size and modification time (to the second) would just delete the source.
        ("IGNORE_TIMES", "true"),
        ("NO_CHECK_DEST", "true"),
        // Nobody could answer a prompt.
        ("ASK_PASSWORD", "false"),
        // The log contains the address.
        ("LOG_LEVEL", "NOTICE"),
    ];

    // Limits lower than rclone's own defaults, unless the user sets others.
    private static readonly (string Name, string Value)[] Preferred = [("TIMEOUT", "1m"), ("CONTIMEOUT", "15s"), ("LOW_LEVEL_RETRIES", "3")];

    // Options that a user may have set for interactive work, but that would lose values, hide items or the log, or lock us out.
    private static readonly HashSet<string> Removed = new(StringComparer.OrdinalIgnoreCase)
    {
        "DRY_RUN", "INTERACTIVE", "IGNORE_EXISTING", "IMMUTABLE", "UPDATE", "NO_TRAVERSE", "SIZE_ONLY",
        "BACKUP_DIR", "SUFFIX", "COMPARE_DEST", "COPY_DEST", "MAX_TRANSFER", "MAX_DURATION", "MAX_DEPTH",
        "LOG_FILE", "LOG_FORMAT", "LOG_SYSTEMD", "USE_JSON_LOG", "SYSLOG", "VERBOSE", "QUIET",
        "FILTER", "FILTER_FROM", "INCLUDE", "INCLUDE_FROM", "EXCLUDE", "EXCLUDE_FROM", "EXCLUDE_IF_PRESENT",
        "FILES_FROM", "FILES_FROM_RAW", "MIN_SIZE", "MAX_SIZE", "MIN_AGE", "MAX_AGE",
    };

    /// <summary>Returns the variables that differ from our own environment.</summary>
    /// <param name="password">The password for rclone.</param>
    public static IReadOnlyDictionary<string, string?> Create(RclonePassword password)
    {
        var result = new Dictionary<string, string?>(OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (!name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) continue;
            var option = name[Prefix.Length..];
            if (option.StartsWith("RC_", StringComparison.OrdinalIgnoreCase) || Removed.Contains(option)) result[name] = null;
        }
        // If it is set, rclone opens no S3 remote at all; RCLONE_CA_CERT names a private authority instead.
        result["AWS_CA_BUNDLE"] = null;
        // Rclone needs little memory here, and is faster when it collects garbage less often.
        result["GOGC"] = Environment.GetEnvironmentVariable("GOGC") ?? "400";
        foreach (var (name, value) in Preferred) result[Prefix + name] = Environment.GetEnvironmentVariable(Prefix + name) ?? value;
        foreach (var (name, value) in Required.Concat(password.Settings)) result[Prefix + name] = value;
        return result;
    }
}
