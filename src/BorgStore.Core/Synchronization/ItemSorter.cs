using System.Text;

namespace BorgStore.Synchronization;

/// <summary>Sorts items by their stored names in constant memory: of a large number, sorted runs are kept in temporary files.</summary>
internal sealed class ItemSorter : IDisposable
{
    // About 25 MB of items.
    private const int RunLength = 100_000;

    private readonly List<FileStream> _runs = [];
    private List<SortedItem> _current = [];

    /// <summary>Adds an item.</summary>
    public void Add(SortedItem item)
    {
        _current.Add(item);
        if (_current.Count == RunLength) Spill();
    }

    /// <summary>Returns the items in order, once.</summary>
    public IEnumerable<SortedItem> Sort()
    {
        _current.Sort(SortedItem.Compare);
        return _runs.Count == 0 ? _current : Merge();
    }

    public void Dispose()
    {
        foreach (var run in _runs) run.Dispose();
        _runs.Clear();
        _current = [];
    }

    private IEnumerable<SortedItem> Merge()
    {
        var heads = new PriorityQueue<IEnumerator<SortedItem>, string>(StringComparer.Ordinal);
        foreach (var run in _runs.Select(Read).Append(_current))
        {
            var items = run.GetEnumerator();
            if (items.MoveNext()) heads.Enqueue(items, items.Current.Key);
        }
        while (heads.TryDequeue(out var items, out _))
        {
            yield return items.Current;
            if (items.MoveNext()) heads.Enqueue(items, items.Current.Key);
        }
    }

    private void Spill()
    {
        _current.Sort(SortedItem.Compare);
        var run = SpillFile.Create();
        _runs.Add(run);
        using var writer = new BinaryWriter(run, Encoding.UTF8, leaveOpen: true);
        foreach (var (_, item) in _current)
        {
            writer.Write(item.Name);
            writer.Write(item.Size);
            writer.Write(item.IsDeleted);
            writer.Write((byte)item.Level);
            writer.Write(item.LastWriteTime?.Ticks ?? -1);
        }
        _current.Clear();
    }

    private IEnumerable<SortedItem> Read(FileStream run)
    {
        run.Flush();
        run.Position = 0;
        using var reader = new BinaryReader(run, Encoding.UTF8, leaveOpen: true);
        for (var i = 0; i < RunLength; i++)
        {
            var item = new StoreItem(reader.ReadString(), Namespace, reader.ReadInt64(), reader.ReadBoolean(), reader.ReadByte());
            if (reader.ReadInt64() is >= 0 and var ticks) item = item with { LastWriteTime = new DateTime(ticks, DateTimeKind.Utc) };
            yield return new(item);
        }
    }

    /// <summary>The namespace of the items.</summary>
    public required string Namespace { get; init; }
}
