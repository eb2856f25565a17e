namespace BorgStore.Backends;

/// <summary>The quota of a store.</summary>
/// <param name="Limit">The maximum total size of all values [bytes]; <see langword="null"/> if there is no quota.</param>
/// <param name="Used">The total size of all values [bytes]; <see langword="null"/> if it is not counted.</param>
public readonly record struct QuotaInfo(long? Limit, long? Used)
{
    /// <summary>The number of bytes that may still be stored; <see langword="null"/> if there is no quota.</summary>
    public long? Available => Limit is { } limit && Used is { } used ? Math.Max(0, limit - used) : null;
}
