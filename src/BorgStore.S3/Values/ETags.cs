namespace BorgStore.Backends.S3.Values;

/// <summary>The identifiers of versions of an object. Some responses have them in quotes.</summary>
internal static class ETags
{
    /// <summary>Returns whether two of them are there and equal.</summary>
    public static bool AreEqual(string? one, string? other) => one is not null && one.Trim('"') == other?.Trim('"');
}
