using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Report;

/// <summary>The figures of a store at a time, collected from its listing in constant memory.</summary>
internal sealed class StoreSurvey
{
    private const int LargestCount = 20;

    /// <summary>The upper bounds of the age groups; items that are older, and those of unknown age, are two more groups.</summary>
    public static readonly IReadOnlyList<(string Name, TimeSpan Limit)> AgeGroups =
    [
        ("up to a day", TimeSpan.FromDays(1)), ("up to a week", TimeSpan.FromDays(7)), ("up to a month", TimeSpan.FromDays(30)),
        ("up to three months", TimeSpan.FromDays(91)), ("up to a year", TimeSpan.FromDays(365)),
    ];

    private readonly PriorityQueue<StoreItem, long> _largest = new();
    private readonly long[] _ages = new long[AgeGroups.Count + 2];

    /// <summary>When the listing began (UTC).</summary>
    public DateTime Time { get; } = DateTime.UtcNow;

    /// <summary>The figures of each namespace.</summary>
    public List<BorgStoreMeasure> Namespaces { get; } = [];

    /// <summary>The sizes of live items [bytes] by age group, then those of older ones, then those of unknown age.</summary>
    public IReadOnlyList<long> Ages => _ages;

    /// <summary>The largest live items, largest first.</summary>
    public IEnumerable<StoreItem> Largest => _largest.UnorderedItems.Select(entry => entry.Element).OrderByDescending(item => item.Size).ThenBy(item => item.Name, StringComparer.Ordinal);

    /// <summary>Lists a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="listed">Called for each item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<StoreSurvey> MakeAsync(StoreLease store, Action listed, CancellationToken cancellationToken)
    {
        var survey = new StoreSurvey();
        foreach (var ns in store.Store.Layout.Namespaces)
        {
            var measure = new BorgStoreMeasure(ns.Name, store.Connection.Handle);
            await foreach (var item in store.Store.ListAsync(ns.Name, ItemSelection.All, cancellationToken))
            {
                measure.Add(item);
                if (!item.IsDeleted) survey.Add(item);
                listed();
            }
            survey.Namespaces.Add(measure);
        }
        return survey;
    }

    /// <summary>Returns the sum of all namespaces.</summary>
    public BorgStoreMeasure Sum(BorgStoreHandle store) => BorgStoreMeasure.Sum(Namespaces, store);

    private void Add(StoreItem item)
    {
        var age = Time - item.LastWriteTime;
        var group = AgeGroups.TakeWhile(group => age > group.Limit).Count();
        _ages[age is null ? ^1 : group] += item.Size;
        if (_largest.Count < LargestCount) _largest.Enqueue(item, item.Size);
        else if (item.Size > _largest.Peek().Size) _largest.EnqueueDequeue(item, item.Size);
    }
}
