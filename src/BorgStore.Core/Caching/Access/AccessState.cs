namespace BorgStore.Caching.Access;

/// <summary>What an access record knows of an item.</summary>
internal enum AccessState
{
    /// <summary>Nothing.</summary>
    Unknown,

    /// <summary>It is cached and may be used.</summary>
    Current,

    /// <summary>It is cached, and nobody asked for it for too long.</summary>
    Expired,
}
