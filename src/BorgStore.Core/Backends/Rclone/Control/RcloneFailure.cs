using System.Text.RegularExpressions;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rclone;

/// <summary>What rclone could not do, before it is known in whose words the user is told.</summary>
/// <param name="error">What it means.</param>
/// <param name="reason">Rclone's own words, or what happened to it.</param>
/// <param name="cause">The exception that caused this one, if any.</param>
internal sealed partial class RcloneFailure(StoreError error, string reason, Exception? cause = null) : Exception(reason, cause)
{
    // Rclone tells kinds of failures by their words only. The first that fits decides.
    private static readonly (StoreError Error, string[] Words)[] Meanings =
    [
        (StoreError.InvalidUrl, ["didn't find section in config file", "didn't find backend called", "failed to parse remote"]),
        (StoreError.ObjectNotFound,
            ["object not found", "directory not found", "not a directory", "is a directory not a file", "not a regular file"]),
        (StoreError.ObjectAlreadyExists, ["file already exist", "can't move file onto non-file"]),
        (StoreError.AuthenticationFailed,
            ["401 Unauthorized", "unable to authenticate", "InvalidAccessKeyId", "SignatureDoesNotMatch", "invalid_grant", "expired_token",
             "not allowed to ask for password"]),
        (StoreError.PermissionDenied, ["permission denied", "Permission denied", "Access is denied", "AccessDenied", "403 Forbidden", "read-only file system"]),
        (StoreError.NoSpace, ["no space left", "not enough space", "remaining disk space", "507 Insufficient"]),
        (StoreError.QuotaExceeded, ["quota exceeded", "quotaExceeded", "QuotaExceeded", "insufficient_space", "storageQuota"]),
        (StoreError.Timeout, ["i/o timeout", "deadline exceeded", "Client.Timeout", "timeout awaiting", "handshake timeout"]),
        (StoreError.ConnectionLost,
            ["connection refused", "connection reset", "no such host", "broken pipe", "network is unreachable", "no route to host"]),
    ];

    private bool _isFinal;

    /// <summary>What it means.</summary>
    public StoreError Error => error;

    /// <summary>Whether it may pass when the same is tried again.</summary>
    public bool IsTransient => !_isFinal && error is StoreError.BackendFailure or StoreError.ConnectionLost or StoreError.Timeout;

    /// <summary>Finds out what rclone means by its answer.</summary>
    /// <param name="reason">Its words.</param>
    /// <param name="isAbsent">Whether it answered that there is no such thing.</param>
    public static RcloneFailure FromAnswer(string reason, bool isAbsent)
    {
        foreach (var (error, words) in Meanings)
            if (words.Any(word => reason.Contains(word, StringComparison.Ordinal)))
                return new RcloneFailure(error, reason);
        return new RcloneFailure(isAbsent ? StoreError.ObjectNotFound : StoreError.BackendFailure, reason);
    }

    /// <summary>Finds out what the last line of rclone's log means, where it ended; <see langword="null"/> where it says nothing.</summary>
    /// <param name="log">The last lines of its log.</param>
    public static RcloneFailure? FromLog(string log)
    {
        var last = log.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        var text = LineStart().Replace(last, "");
        return text.Length == 0 || last.Contains("remote control on", StringComparison.Ordinal) ? null : FromAnswer(ServerText.Clean(text), isAbsent: false);
    }

    /// <summary>Returns the failure for an answer that rclone never gives.</summary>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="cause">The exception that caused this one, if any.</param>
    public static RcloneFailure WrongAnswer(string problem, Exception? cause = null)
        => new(StoreError.BackendFailure, $"rclone answered wrongly: {problem}", cause) { _isFinal = true };

    /// <summary>The failure as the user is told of it.</summary>
    /// <param name="action">What was tried, such as <c>load</c>.</param>
    /// <param name="name">On what; <c>""</c> for the store.</param>
    /// <param name="target">The store.</param>
    public StoreException While(string action, string name, RcloneTarget target)
    {
        var what = name.Length > 0 ? $"'{name}'" : $"the store '{target.Shown}'";
        return StoreException.While(error, $"{action} {what}", name.Length > 0 ? name : target.Shown,
            IsOfStore ? null : $"{CallOnPath().Replace(target.Redact(Message), "").TrimEnd('.')}.{Advice()}", InnerException);
    }

    private bool IsOfStore => error is StoreError.StoreDoesNotExist or StoreError.StoreAlreadyExists;

    // Go names the call and the path before the reason, as in "open /srv/store/a: permission denied".
    [GeneratedRegex(@"\b[a-z]+ /[^:]*: ")]
    private static partial Regex CallOnPath();

    // The time and the level.
    [GeneratedRegex(@"^[0-9/]{10} [0-9:.]{8,} (?:[A-Z]+ *: )?")]
    private static partial Regex LineStart();

    private string Advice() => error switch
    {
        StoreError.AuthenticationFailed when Message.Contains("RCLONE_CONFIG_PASS", StringComparison.Ordinal) => " Set that variable before rclone is started.",
        StoreError.InvalidUrl => " Configure the remote with 'rclone config'; 'rclone listremotes' shows those that there are.",
        StoreError.AuthenticationFailed => " Check the remote with 'rclone config' or 'rclone config reconnect'.",
        _ => "",
    };
}
