namespace BorgStore.Backends;

/// <summary>The quota of a store.</summary>
/// <param name="Limit">The most bytes that all values together may have; <see langword="null"/> where there is no quota.</param>
/// <param name="Used">The bytes of all values; <see langword="null"/> where they are not counted.</param>
public readonly record struct QuotaInfo(long? Limit, long? Used)
{
    /// <summary>The bytes that may still be stored, where there is a quota.</summary>
    public long? Available => Limit is { } limit && Used is { } used ? Math.Max(0, limit - used) : null;
}
