namespace BorgStore;

/// <summary>Information about an item of a store, without its value.</summary>
/// <param name="Name">The full name, <c>namespace/key</c>, without nesting and without the soft-deletion suffix.</param>
/// <param name="Namespace">The namespace; <c>""</c> for a key without one.</param>
/// <param name="Size">The size of the value [bytes].</param>
/// <param name="IsDeleted">Whether it is soft-deleted.</param>
/// <param name="Level">The nesting level at which it is stored.</param>
/// <param name="LastAccessTime">When it was last read (UTC), if the storage knows.</param>
/// <param name="LastWriteTime">When it was written (UTC), if the storage knows.</param>
/// <param name="DeletedTime">If it is soft-deleted: when that happened at the latest (UTC), if the storage knows.</param>
public readonly record struct StoreItem(
    string Name,
    string Namespace,
    long Size,
    bool IsDeleted,
    int Level,
    DateTime? LastAccessTime = null,
    DateTime? LastWriteTime = null,
    DateTime? DeletedTime = null)
{
    /// <summary>The name without its namespace.</summary>
    public string Key => Namespace.Length == 0 ? Name : Name[(Namespace.Length + 1)..];
}
