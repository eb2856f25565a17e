namespace BorgStore.Backends.S3.Values;

/// <summary>Sorts one level of a listing from the server's order into that of names.</summary>
/// <remarks>A server sorts directories including their slash, so that <c>a-1</c> and <c>a.1</c> precede <c>a/</c>. Only names containing
/// a character that sorts before the slash may have to wait for such a directory; all others are returned immediately.</remarks>
internal sealed class LevelSorter
{
    private readonly PriorityQueue<ItemInfo, (string Name, bool IsDirectory)> _waiting = new(Comparer<(string Name, bool IsDirectory)>.Create(
        static (a, b) => string.CompareOrdinal(a.Name, b.Name) is not 0 and var order ? order : a.IsDirectory.CompareTo(b.IsDirectory)));

    /// <summary>Adds an item of a page; the order within the page does not matter.</summary>
    public void Add(ItemInfo item) => _waiting.Enqueue(item, (item.Name, item.IsDirectory));

    /// <summary>Removes and returns the items that nothing can precede any more.</summary>
    /// <param name="last">The last key of the page, with its slash if it is a directory; <see langword="null"/> after the last page.</param>
    public IEnumerable<ItemInfo> Take(string? last)
    {
        while (_waiting.TryPeek(out var item, out _) && (last is null || !MayBePreceded(item.Name, last)))
            yield return _waiting.Dequeue();
    }

    // Returns whether a directory that sorts before the name could still follow after the last key.
    private static bool MayBePreceded(string name, string last)
    {
        for (var i = 1; i < name.Length; i++)
            if (name[i] < '/' && string.CompareOrdinal(name[..i] + "/", last) > 0) return true;
        return false;
    }
}
