namespace BorgStore.Verification;

/// <summary>Options of a <see cref="StoreVerifier"/>.</summary>
public sealed record VerificationOptions
{
    /// <summary>The namespaces to verify; <see langword="null"/> for the whole store. Files outside all namespaces
    /// and what crashes left behind are only looked for in the whole store.</summary>
    public IReadOnlyList<string>? Namespaces { get; init; }

    /// <summary>The full path of the file in which a run leaves where it ended, so that the next one continues
    /// there; <see langword="null"/> to begin and end with this run.</summary>
    public string? StateFile { get; init; }

    /// <summary>The share of the store to check in this run [%], by size: the next one with a <see cref="StateFile"/>, otherwise a random one.</summary>
    public double? Percent { get; init; }

    /// <summary>The time after which no further item is begun.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>The number of values checked at a time; <see langword="null"/> for the number of processors, or more if the storage is remote.</summary>
    public int? Parallelism { get; init; }

    /// <summary>The time since the last write after which a temporary file counts as left over.</summary>
    public TimeSpan LeftOverAge { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Called from any thread after each item with the size of its value [bytes].</summary>
    public Action<long>? ItemChecked { get; init; }
}
