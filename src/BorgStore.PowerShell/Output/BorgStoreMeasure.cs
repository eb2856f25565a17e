using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>The number and size of the items in a namespace.</summary>
public sealed class BorgStoreMeasure
{
    internal BorgStoreMeasure(string ns, BorgStoreHandle store) => (Namespace, Store) = (ns, store);

    /// <summary>The namespace; <c>""</c> for keys without one, <c>(total)</c> for the sum of all measured namespaces of a store.</summary>
    public string Namespace { get; }

    /// <summary>The number of items, excluding soft-deleted ones.</summary>
    public long Count { get; private set; }

    /// <summary>The total size of their values [bytes].</summary>
    public long Size { get; private set; }

    /// <summary>The number of soft-deleted items.</summary>
    public long DeletedCount { get; private set; }

    /// <summary>The total size of their values [bytes].</summary>
    public long DeletedSize { get; private set; }

    /// <summary>The size of the largest value [bytes].</summary>
    public long Largest { get; private set; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <summary>Whether this is the total of a store.</summary>
    public bool IsTotal { get; private init; }

    internal static BorgStoreMeasure Sum(IEnumerable<BorgStoreMeasure> measures, BorgStoreHandle store)
    {
        var total = new BorgStoreMeasure("(total)", store) { IsTotal = true };
        foreach (var measure in measures)
        {
            total.Count += measure.Count;
            total.Size += measure.Size;
            total.DeletedCount += measure.DeletedCount;
            total.DeletedSize += measure.DeletedSize;
            total.Largest = Math.Max(total.Largest, measure.Largest);
        }
        return total;
    }

    internal void Add(StoreItem item)
    {
        if (item.IsDeleted)
        {
            DeletedCount++;
            DeletedSize += item.Size;
        }
        else
        {
            Count++;
            Size += item.Size;
        }
        Largest = Math.Max(Largest, item.Size);
    }
}
