namespace BorgStore.Caching;

/// <summary>The outcome of another caller's load into the cache.</summary>
internal enum FillOutcome
{
    /// <summary>The value is in the cache.</summary>
    Cached,

    /// <summary>The value is not in the cache, and another caller may try.</summary>
    GivenUp,

    /// <summary>The load is stalled because its caller does not read on.</summary>
    Idle,
}
