namespace BorgStore;

/// <summary>The words for each <see cref="StoreError"/> of a storage: the same fault reads the same from every backend.</summary>
internal static class StoreErrorText
{
    /// <summary>The whole message: what was tried, why it failed, what the storage says to it, what to do.</summary>
    public static string Compose(StoreError error, string task, string? detail)
        => Reason(error) is { Length: > 0 } reason
            ? string.Join(' ', new[] { $"Could not {task}: {reason}.", ToSentence(detail), Advice(error) }.Where(part => part.Length > 0))
            // What the caller did wrong has no words in common but its own.
            : $"Could not {task}: {detail?.TrimEnd('.')}.";

    /// <summary>Whether a storage fails so, and not the one who asks it.</summary>
    public static bool IsOfStorage(StoreError error) => Reason(error).Length > 0;

    /// <summary>Whether the error says all by itself, so that a message in a backend's own words would say it twice.</summary>
    public static bool IsPlain(StoreError error) => error
        is StoreError.ObjectNotFound or StoreError.ObjectAlreadyExists or StoreError.StoreDoesNotExist or StoreError.StoreAlreadyExists;

    private static string Reason(StoreError error) => error switch
    {
        StoreError.BackendFailure => "the storage failed",
        StoreError.ObjectNotFound => "there is no such item",
        StoreError.ObjectAlreadyExists => "that name is taken already",
        StoreError.StoreDoesNotExist => "there is no store at that place",
        StoreError.StoreAlreadyExists => "there is something at that place already",
        StoreError.PermissionDenied => "permission is denied",
        StoreError.AuthenticationFailed => "the authentication failed",
        StoreError.QuotaExceeded => "the quota is exceeded",
        StoreError.NoSpace => "the storage has no room left",
        StoreError.ReadRange => "a part that was asked for lies outside the value",
        StoreError.HashMismatch => "the value does not have the hash that it should have",
        StoreError.ConnectionLost => "the connection was lost or could not be made",
        StoreError.Timeout => "the storage stopped answering",
        StoreError.NotSupported => "that cannot be done here",
        // What the caller did wrong is worded where it is found.
        _ => "",
    };

    private static string Advice(StoreError error) => error switch
    {
        StoreError.StoreDoesNotExist => "Check the URL, or make a store there first.",
        StoreError.StoreAlreadyExists => "Choose an empty place, or open what is there.",
        StoreError.QuotaExceeded => "Delete values, or raise the quota.",
        StoreError.NoSpace => "Make room there, then try again.",
        StoreError.ConnectionLost => "Check the address, the network and the server.",
        StoreError.Timeout => "Try again, or look at the server.",
        _ => "",
    };

    /// <summary>The text with a capital at its beginning and a stop at its end.</summary>
    public static string ToSentence(string? text)
    {
        if (text?.Trim() is not { Length: > 0 } words) return "";
        var start = char.IsLower(words[0]) ? char.ToUpperInvariant(words[0]) + words[1..] : words;
        return start[^1] is '.' or '!' or '?' ? start : start + ".";
    }
}
