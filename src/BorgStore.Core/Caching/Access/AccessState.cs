namespace BorgStore.Caching.Access;

/// <summary>The state of an item in the access index.</summary>
internal enum AccessState
{
    /// <summary>The item is not in the index.</summary>
    Unknown,

    /// <summary>The item is cached and may be used.</summary>
    Current,

    /// <summary>The item is cached, but its last access was too long ago.</summary>
    Expired,
}
