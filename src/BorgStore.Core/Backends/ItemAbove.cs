namespace BorgStore.Backends;

/// <summary>Finds out whether a value has no place because a directory of its name is an item. Storages have many words for that, and
/// some have none.</summary>
internal static class ItemAbove
{
    /// <summary>Explains why nothing can be written under a name.</summary>
    /// <param name="task">What was tried, as the end of "Could not …".</param>
    /// <param name="name">The nested name.</param>
    /// <param name="isItem">Whether there is an item of a name.</param>
    /// <returns>The exception to throw, or <see langword="null"/> if that is not the reason.</returns>
    public static async Task<StoreException?> FindAsync(string task, string name, Func<string, ValueTask<bool>> isItem)
    {
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            if (await isItem(name[..slash]).ConfigureAwait(false))
                return StoreException.While(StoreError.ObjectAlreadyExists, task, name, Describe(name[..slash]));
        return null;
    }

    /// <summary>Says that nothing can be below an item.</summary>
    public static string Describe(string item) => $"'{item}' is an item, so nothing can be below it";
}
