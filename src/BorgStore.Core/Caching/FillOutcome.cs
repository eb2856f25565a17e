namespace BorgStore.Caching;

/// <summary>What became of a value that another caller loads into the cache.</summary>
internal enum FillOutcome
{
    /// <summary>It is in the cache.</summary>
    Cached,

    /// <summary>It is not, and someone else may try.</summary>
    GivenUp,

    /// <summary>It stands still, since that caller doesn't read on.</summary>
    Idle,
}
