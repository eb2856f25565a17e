namespace BorgStore.Backends;

/// <summary>A backend's information about a file or directory.</summary>
/// <param name="Name">Its nested name: the last element in a listing of one level, the path
/// below the listed directory in a listing of a tree, otherwise the requested name.</param>
/// <param name="Size">The size of the value [bytes]; 0 for a directory.</param>
/// <param name="IsDirectory">Whether it is a directory.</param>
/// <param name="LastAccessTime">When it was last read (UTC), if the storage knows.</param>
/// <param name="LastWriteTime">When it was written (UTC), if the storage knows.</param>
/// <param name="DeletedTime">For a soft-deleted item: when that happened at the latest (UTC), if the storage knows.</param>
public readonly record struct ItemInfo(
    string Name,
    long Size,
    bool IsDirectory = false,
    DateTime? LastAccessTime = null,
    DateTime? LastWriteTime = null,
    DateTime? DeletedTime = null)
{
    private readonly OptionalTime _lastAccessTime = LastAccessTime;
    private readonly OptionalTime _lastWriteTime = LastWriteTime;
    private readonly OptionalTime _deletedTime = DeletedTime;

    /// <summary>When it was last read (UTC), if the storage knows.</summary>
    public DateTime? LastAccessTime
    {
        get => _lastAccessTime;
        init => _lastAccessTime = value;
    }

    /// <summary>When it was written (UTC), if the storage knows.</summary>
    public DateTime? LastWriteTime
    {
        get => _lastWriteTime;
        init => _lastWriteTime = value;
    }

    /// <summary>For a soft-deleted item: when that happened at the latest (UTC), if the storage knows. It never was later, but a
    /// storage may give a later time, for example that of a copy of the store.</summary>
    public DateTime? DeletedTime
    {
        get => _deletedTime;
        init => _deletedTime = value;
    }
}

/// <summary>An unfinished item that a crash left in the storage: a <c>.tmp</c> file or an incomplete upload.</summary>
/// <param name="Id">The backend's identifier of it; for files the path below the store.</param>
/// <param name="Size">Its size [bytes].</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
public readonly record struct TemporaryItem(string Id, long Size, DateTime LastWriteTime)
{
    /// <summary>Returns the latest time of the last write for an item of at least the given age. With an
    /// age of zero, all items qualify, even those with a time in the future because of a fast clock.</summary>
    /// <param name="age">The time since the last write.</param>
    public static DateTime FindLatest(TimeSpan age)
    {
        if (age <= TimeSpan.Zero) return DateTime.MaxValue;
        var now = DateTime.UtcNow;
        return age < now - DateTime.MinValue ? now - age : DateTime.MinValue;
    }
}
