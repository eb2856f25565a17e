using BorgStore.Naming;

namespace BorgStore.Synchronization;

/// <summary>An item with the key that it is sorted by: its name as stored, which puts a soft-deleted item where a listing does.</summary>
/// <param name="Key">The sort key.</param>
/// <param name="Item">The item.</param>
internal readonly record struct SortedItem(string Key, StoreItem Item)
{
    public SortedItem(StoreItem item)
        : this(item.IsDeleted ? item.Name + Suffixes.Deleted : item.Name, item)
    {
    }

    public static int Compare(SortedItem a, SortedItem b) => string.CompareOrdinal(a.Key, b.Key);
}
