namespace BorgStore;

/// <summary>The wording of each <see cref="StoreError"/> of a storage, which is the same for all backends.</summary>
internal static class StoreErrorText
{
    /// <summary>Returns the whole message: what was tried, why it failed, the storage's own words, and advice.</summary>
    public static string Compose(StoreError error, string task, string detail)
        => Reason(error) is { Length: > 0 } reason
            ? string.Join(' ', new[] { $"Could not {task}: {reason}.", ToSentence(detail), Advice(error) }.Where(part => part.Length > 0))
            // Errors of the caller have no shared wording; the detail says it all.
            : $"Could not {task}. {ToSentence(detail)}";

    /// <summary>Returns the wording of an error alone, as a sentence.</summary>
    public static string Describe(StoreError error) => ToSentence(Reason(error) is { Length: > 0 } reason ? reason : error.ToString());

    private static string Reason(StoreError error) => error switch
    {
        StoreError.BackendFailure => "the storage failed",
        StoreError.ObjectNotFound => "there is no such item",
        StoreError.ObjectAlreadyExists => "that name is already in use",
        StoreError.StoreDoesNotExist => "no store exists at that location",
        StoreError.StoreAlreadyExists => "that location is already in use",
        StoreError.PermissionDenied => "permission is denied",
        StoreError.AuthenticationFailed => "the authentication failed",
        StoreError.QuotaExceeded => "the quota is exceeded",
        StoreError.NoSpace => "the storage has no room left",
        StoreError.ReadRange => "the requested range is outside the value",
        StoreError.HashMismatch => "the value's hash is not the expected one",
        StoreError.ConnectionLost => "the connection was lost or could not be established",
        StoreError.Timeout => "the storage stopped responding",
        StoreError.NotSupported => "the operation is not supported here",
        StoreError.InvalidUrl => "the URL is wrong for this storage",
        // Errors of the caller are worded where they are detected.
        _ => "",
    };

    private static string Advice(StoreError error) => error switch
    {
        StoreError.StoreDoesNotExist => "Check the URL, or create a store there first.",
        StoreError.StoreAlreadyExists => "Choose an empty location, or open the existing store.",
        StoreError.QuotaExceeded => "Delete values, or raise the quota.",
        StoreError.NoSpace => "Free some space, then try again.",
        StoreError.ConnectionLost => "Check the address, the network and the server.",
        StoreError.Timeout => "Try again, or check the server.",
        _ => "",
    };

    /// <summary>Returns the text with a capital at the beginning and a full stop at the end.</summary>
    public static string ToSentence(string? text)
    {
        if (text?.Trim() is not { Length: > 0 } words) return "";
        var start = char.IsLower(words[0]) ? char.ToUpperInvariant(words[0]) + words[1..] : words;
        return start[^1] is '.' or '!' or '?' ? start : start + ".";
    }
}
