namespace BorgStore.Backends.Sftp.Values;

/// <summary>The items that were written but may not be on the server's disk yet.</summary>
internal sealed class UnsyncedFiles
{
    private readonly object _lock = new();
    private HashSet<string> _names = [];

    /// <summary>Adds an item that was written.</summary>
    /// <param name="name">Its name.</param>
    public void Add(string name)
    {
        lock (_lock) _names.Add(name);
    }

    /// <summary>Removes an item that was deleted.</summary>
    /// <param name="name">Its name.</param>
    public void Remove(string name)
    {
        lock (_lock) _names.Remove(name);
    }

    /// <summary>Renames an item that was moved.</summary>
    /// <param name="name">Its old name.</param>
    /// <param name="newName">Its new name.</param>
    public void Rename(string name, string newName)
    {
        lock (_lock)
        {
            if (_names.Remove(name)) _names.Add(newName);
        }
    }

    /// <summary>Removes and returns all items.</summary>
    public IReadOnlyCollection<string> TakeAll()
    {
        lock (_lock)
        {
            var names = _names;
            if (names.Count > 0) _names = [];
            return names;
        }
    }

    /// <summary>Adds the items again that could not be synced.</summary>
    /// <param name="names">The names.</param>
    public void PutBack(IEnumerable<string> names)
    {
        lock (_lock) _names.UnionWith(names);
    }
}
