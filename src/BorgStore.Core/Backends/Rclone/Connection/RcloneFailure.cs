using System.Text.RegularExpressions;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A failure of rclone, not yet worded for the user.</summary>
/// <param name="error">The kind of error.</param>
/// <param name="reason">Rclone's own words, or a description of what happened to it; empty if the error says it all.</param>
/// <param name="cause">The exception that caused this one, if any.</param>
internal sealed partial class RcloneFailure(StoreError error, string reason = "", Exception? cause = null) : Exception(reason, cause)
{
    // Rclone distinguishes failures only by text. The first match decides.
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

    /// <summary>The kind of error.</summary>
    public StoreError Error => error;

    /// <summary>Whether a retry may succeed.</summary>
    public bool IsTransient => !_isFinal && error is StoreError.BackendFailure or StoreError.ConnectionLost or StoreError.Timeout;

    /// <summary>Returns the failure that an error response means.</summary>
    /// <param name="reason">Rclone's error text.</param>
    /// <param name="isAbsent">Whether the response status says that the item does not exist.</param>
    public static RcloneFailure FromResponse(string reason, bool isAbsent)
    {
        foreach (var (error, words) in Meanings)
            if (words.Any(word => reason.Contains(word, StringComparison.Ordinal)))
                return new RcloneFailure(error, reason);
        return new RcloneFailure(isAbsent ? StoreError.ObjectNotFound : StoreError.BackendFailure, reason);
    }

    /// <summary>Returns the failure in the last line of the log of an rclone that ended; <see langword="null"/> if it contains none.</summary>
    /// <param name="log">The last lines of the log.</param>
    public static RcloneFailure? FromLog(string log)
    {
        var last = log.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        var text = LineStart().Replace(last, "");
        return text.Length == 0 || last.Contains("remote control on", StringComparison.Ordinal) ? null : FromResponse(ServerText.Clean(text), isAbsent: false);
    }

    /// <summary>Returns the failure for a malformed response.</summary>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="cause">The exception that caused this one, if any.</param>
    public static RcloneFailure InvalidResponse(string problem, Exception? cause = null)
        => new(StoreError.BackendFailure, $"rclone sent an invalid response: {problem}", cause) { _isFinal = true };

    /// <summary>Returns the exception for the store.</summary>
    /// <param name="name">The item; <c>""</c> for the store.</param>
    /// <param name="target">The store.</param>
    public StoreException ToException(string name, RcloneTarget target)
        => new(error, Message.Length == 0 ? null : $"{CallOnPath().Replace(target.Redact(Message), "").TrimEnd('.')}.{Advice()}", name.Length > 0 ? name : null, InnerException);

    // Go puts the call and the path before the reason, as in "open /srv/store/a: permission denied".
    [GeneratedRegex(@"\b[a-z]+ /[^:]*: ")]
    private static partial Regex CallOnPath();

    // The time and level of a log line.
    [GeneratedRegex(@"^[0-9/]{10} [0-9:.]{8,} (?:[A-Z]+ *: )?")]
    private static partial Regex LineStart();

    private string Advice() => error switch
    {
        StoreError.AuthenticationFailed when Message.Contains("RCLONE_CONFIG_PASS", StringComparison.Ordinal) => " Set that variable before rclone is started.",
        StoreError.InvalidUrl => " Configure the remote with 'rclone config'; 'rclone listremotes' shows the existing ones.",
        StoreError.AuthenticationFailed => " Check the remote with 'rclone config' or 'rclone config reconnect'.",
        _ => "",
    };
}
