using System.Collections;

namespace BorgStore.Backends.Rclone;

/// <summary>The options of our rclone, as variables of its environment: there they show in no process list, and those that a version
/// does not know do no harm.</summary>
internal static class RcloneEnvironment
{
    private const string Prefix = "RCLONE_";

    // Long enough never to cut off a transfer.
    private const string TenYears = "87600h";

    private static readonly (string Name, string Value)[] Demanded =
    [
        ("RC_ADDR", "127.0.0.1:0"),
        ("RC_SERVE", "true"),
        ("RC_SERVER_READ_TIMEOUT", TenYears),
        ("RC_SERVER_WRITE_TIMEOUT", TenYears),
        // A remote stays open as long as rclone runs, and the answer to a call is forgotten when it was given.
        ("FS_CACHE_EXPIRE_DURATION", TenYears),
        ("RC_JOB_EXPIRE_DURATION", "1s"),
        ("RC_JOB_EXPIRE_INTERVAL", "1s"),
        // The time in an object's metadata would cost a request for each object of a listing.
        ("USE_SERVER_MODTIME", "true"),
        // Otherwise a move onto an item of the same size and second only deletes what was to be moved.
        ("IGNORE_TIMES", "true"),
        ("NO_CHECK_DEST", "true"),
        // There is nobody to answer.
        ("ASK_PASSWORD", "false"),
        // The address stands in the log.
        ("LOG_LEVEL", "NOTICE"),
    ];

    // What is given up sooner than rclone does by itself, unless the user says otherwise.
    private static readonly (string Name, string Value)[] Preferred = [("TIMEOUT", "1m"), ("CONTIMEOUT", "15s"), ("LOW_LEVEL_RETRIES", "3")];

    // What a user may have set for work at the prompt, and what would here lose values, hide items or the log, or lock us out.
    private static readonly HashSet<string> Removed = new(StringComparer.OrdinalIgnoreCase)
    {
        "DRY_RUN", "INTERACTIVE", "IGNORE_EXISTING", "IMMUTABLE", "UPDATE", "NO_TRAVERSE", "SIZE_ONLY",
        "BACKUP_DIR", "SUFFIX", "COMPARE_DEST", "COPY_DEST", "MAX_TRANSFER", "MAX_DURATION", "MAX_DEPTH",
        "LOG_FILE", "LOG_FORMAT", "LOG_SYSTEMD", "USE_JSON_LOG", "SYSLOG", "VERBOSE", "QUIET",
        "FILTER", "FILTER_FROM", "INCLUDE", "INCLUDE_FROM", "EXCLUDE", "EXCLUDE_FROM", "EXCLUDE_IF_PRESENT",
        "FILES_FROM", "FILES_FROM_RAW", "MIN_SIZE", "MAX_SIZE", "MIN_AGE", "MAX_AGE",
    };

    /// <summary>What differs from our own environment.</summary>
    /// <param name="password">The password that rclone is to know.</param>
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
        // Where it is set, rclone opens no S3 remote at all; for a private authority it has RCLONE_CA_CERT.
        result["AWS_CA_BUNDLE"] = null;
        // It needs little memory for what it does here, and works faster where it collects garbage less often.
        result["GOGC"] = Environment.GetEnvironmentVariable("GOGC") ?? "400";
        foreach (var (name, value) in Preferred) result[Prefix + name] = Environment.GetEnvironmentVariable(Prefix + name) ?? value;
        foreach (var (name, value) in Demanded.Concat(password.Settings)) result[Prefix + name] = value;
        return result;
    }
}
