using System.Diagnostics;

namespace BorgStore.PowerShell.Drive;

/// <summary>What the storage answered a moment ago. For one command, PowerShell asks the same several times: while it binds parameters, whether a path
/// exists, what is there, and for each name of a list again.</summary>
/// <remarks>An answer counts for a second, and only until the session changes something in the store. What an item was is given out once.</remarks>
internal sealed class RecentAnswers
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(1);
    private readonly Dictionary<string, StoreItem> _items = new(StringComparer.Ordinal);
    private (string Key, string[] Paths)? _expansion;
    private long _changes;
    private long _time;
    private bool _isListing;
    private bool _isAnswer;

    /// <summary>Remembers one item in place of all before.</summary>
    /// <param name="store">The store.</param>
    /// <param name="path">The path of the item.</param>
    /// <param name="item">The item.</param>
    /// <param name="isAnswer">Whether it was found because a command asked whether it exists. The next one that asks is not told what was so before.</param>
    public void Remember(Store store, string path, StoreItem item, bool isAnswer)
    {
        Begin(store);
        _isAnswer = isAnswer;
        _items[path] = item;
    }

    /// <summary>Remembers the items of a listing, which then counts as long as it is used.</summary>
    public void Remember(Store store, IEnumerable<KeyValuePair<string, StoreItem>> items)
    {
        Begin(store);
        _isListing = true;
        foreach (var (path, item) in items) _items[path] = item;
    }

    /// <summary>Remembers the paths that match a pattern.</summary>
    public void Remember(string key, string[] paths) => _expansion = (key, paths);

    /// <summary>Returns an item that was just listed, or null.</summary>
    public StoreItem? Find(Store store, string path) => !_isAnswer && IsValid(store) && _items.TryGetValue(path, out var item) ? item : null;

    /// <summary>Returns an item that was just found, or null, and forgets it.</summary>
    public StoreItem? Take(Store store, string path)
    {
        if (!IsValid(store) || !_items.Remove(path, out var item)) return null;
        if (_isListing) _time = Stopwatch.GetTimestamp();
        return item;
    }

    /// <summary>Returns the paths that were just found to match a pattern, or null, and forgets them.</summary>
    public string[]? TakeExpansion(Store store, string key)
    {
        if (!IsValid(store) || _expansion is not { } known || known.Key != key) return null;
        _expansion = null;
        return known.Paths;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _items.Clear();
        _expansion = null;
    }

    private void Begin(Store store)
    {
        Clear();
        _isListing = _isAnswer = false;
        (_time, _changes) = (Stopwatch.GetTimestamp(), store.ChangeCount);
    }

    private bool IsValid(Store store)
    {
        if (_items.Count == 0 && _expansion is null) return false;
        if (Stopwatch.GetElapsedTime(_time) < Lifetime && store.ChangeCount == _changes) return true;
        Clear();
        return false;
    }
}
