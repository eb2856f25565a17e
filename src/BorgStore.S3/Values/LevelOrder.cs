namespace BorgStore.Backends.S3;

/// <summary>Brings one level of a listing from the server's order into that of names.</summary>
/// <remarks>A server sorts directories with their slash, so that <c>a-1</c> and <c>a.1</c> come before <c>a/</c>. Only names that have a
/// character before the slash in them may have to wait for such a directory; all others pass at once.</remarks>
internal sealed class LevelOrder
{
    private readonly PriorityQueue<ItemInfo, (string Name, bool IsDirectory)> _waiting = new(Comparer<(string Name, bool IsDirectory)>.Create(
        static (a, b) => string.CompareOrdinal(a.Name, b.Name) is not 0 and var order ? order : a.IsDirectory.CompareTo(b.IsDirectory)));

    /// <summary>Adds what a page has, in any order within the page.</summary>
    public void Add(ItemInfo item) => _waiting.Enqueue(item, (item.Name, item.IsDirectory));

    /// <summary>Takes what nothing can come before any more.</summary>
    /// <param name="last">The last key of the page, with its slash for a directory; <see langword="null"/> when there are no more pages.</param>
    public IEnumerable<ItemInfo> Take(string? last)
    {
        while (_waiting.TryPeek(out var item, out _) && (last is null || !MayBePreceded(item.Name, last)))
            yield return _waiting.Dequeue();
    }

    // Whether a directory that sorts before the name could still come after the last key.
    private static bool MayBePreceded(string name, string last)
    {
        for (var i = 1; i < name.Length; i++)
            if (name[i] < '/' && string.CompareOrdinal(name[..i] + "/", last) > 0) return true;
        return false;
    }
}
