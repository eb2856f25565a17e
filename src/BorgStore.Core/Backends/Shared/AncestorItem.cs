namespace BorgStore.Backends.Shared;

/// <summary>Finds out whether a value cannot be stored because a directory in its
/// path is an item. Storages report that in many ways, or not at all.</summary>
internal static class AncestorItem
{
    /// <summary>Explains why nothing can be written under a name.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="isItem">Returns whether a name is that of an item.</param>
    /// <returns>The exception to throw, or <see langword="null"/> if this is not the reason.</returns>
    public static async Task<StoreException?> FindAsync(string name, Func<string, ValueTask<bool>> isItem)
    {
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            if (await isItem(name[..slash]).ConfigureAwait(false))
                return new(StoreError.ObjectAlreadyExists, Describe(name[..slash]), name);
        return null;
    }

    /// <summary>Returns the explanation that nothing can be below an item.</summary>
    public static string Describe(string item) => $"'{item}' is an item, so nothing can be below it";
}
