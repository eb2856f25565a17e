namespace BorgStore.Backends;

/// <summary>An item that a batch of deletions left where it is.</summary>
/// <param name="Name">Its name, as it was given.</param>
/// <param name="Reason">Why.</param>
public readonly record struct DeleteFailure(string Name, StoreException Reason)
{
    /// <summary>Deletes items one by one, for what has no better way.</summary>
    internal static async ValueTask<IReadOnlyList<DeleteFailure>> DeleteEachAsync(
        Func<string, CancellationToken, ValueTask<bool>> delete, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var failures = new List<DeleteFailure>();
        foreach (var name in names)
        {
            try
            {
                await delete(name, cancellationToken).ConfigureAwait(false);
            }
            catch (StoreException e)
            {
                failures.Add(new(name, e));
            }
        }
        return failures;
    }
}
