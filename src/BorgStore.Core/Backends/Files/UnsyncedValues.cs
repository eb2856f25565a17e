namespace BorgStore.Backends.Files;

/// <summary>The values whose bytes will be known to be on disk only after a sync of the whole file system.</summary>
/// <remarks>A system that fails to write bytes may drop them, and reports that to one sync only: the next one succeeds without
/// them. So every value written before the end of a failed sync counts as lost until it is stored again or deleted.</remarks>
internal sealed class UnsyncedValues
{
    private readonly object _lock = new();
    private readonly HashSet<string> _lost = [];
    private HashSet<string> _written = [];
    private HashSet<string> _syncing = [];
    private volatile bool _hasFailed;

    /// <summary>Whether a sync failed since the store was opened.</summary>
    public bool HasFailed => _hasFailed;

    /// <summary>Whether there are values that may be lost.</summary>
    public bool HasLost
    {
        get
        {
            lock (_lock) return _lost.Count > 0;
        }
    }

    /// <summary>Leaves a value to the next sync of the file system.</summary>
    /// <returns>Whether that is possible; <see langword="false"/> after a sync failed.</returns>
    public bool TryAdd(string name)
    {
        lock (_lock)
        {
            if (_hasFailed) return false;
            _written.Add(name);
            return true;
        }
    }

    /// <summary>Removes a value that was synced individually or deleted.</summary>
    public void Remove(string name)
    {
        lock (_lock)
            foreach (var set in (ReadOnlySpan<HashSet<string>>)[_written, _syncing, _lost]) set.Remove(name);
    }

    /// <summary>Records the new name of a value.</summary>
    public void Move(string name, string newName)
    {
        if (name == newName) return;
        lock (_lock)
            foreach (var set in (ReadOnlySpan<HashSet<string>>)[_written, _syncing, _lost])
                if (set.Remove(name)) set.Add(newName);
                else set.Remove(newName);
    }

    /// <summary>Records the start of a sync, which covers everything added so far.</summary>
    public void BeginSync()
    {
        lock (_lock) (_syncing, _written) = (_written, []);
    }

    /// <summary>Records the result of the sync.</summary>
    public void EndSync(bool hasFailed)
    {
        lock (_lock)
        {
            if (hasFailed)
            {
                _hasFailed = true;
                // Values added during the sync may have been dropped too, and the next sync would not report it.
                _lost.UnionWith(_syncing);
                _lost.UnionWith(_written);
                _written.Clear();
            }
            _syncing.Clear();
        }
    }

    /// <summary>Describes the values that may be lost, as a part of a sentence; <see langword="null"/> if there are none.</summary>
    public string? Describe()
    {
        lock (_lock)
            return _lost.Count switch
            {
                0 => null,
                1 => $"'{_lost.First()}' may not be on the disk until it is stored again or deleted",
                var count => $"{count} values, '{_lost.First()}' among them, may not be on the disk until they are stored again or deleted",
            };
    }
}
