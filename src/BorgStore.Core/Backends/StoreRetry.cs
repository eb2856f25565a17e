namespace BorgStore.Backends;

/// <summary>The repetition of a request that failed for a reason that may pass, such as a lost connection.</summary>
/// <param name="Name">The full name of the item; <see langword="null"/> if the request concerns several or is not known.</param>
/// <param name="Attempt">The number of the next attempt, which may follow after a pause: 2 for the first repetition.</param>
/// <param name="Reason">Why the attempt before it failed.</param>
public sealed record StoreRetry(string? Name, int Attempt, string Reason);
