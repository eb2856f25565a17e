namespace BorgStore.Backends;

/// <summary>An item that a batch deletion could not delete.</summary>
/// <param name="Name">The name that was given.</param>
/// <param name="Reason">The reason.</param>
public readonly record struct DeleteFailure(string Name, StoreException Reason)
{
    /// <summary>Deletes items one at a time, for storages without batch deletion.</summary>
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
