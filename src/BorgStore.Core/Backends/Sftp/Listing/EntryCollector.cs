using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Collects and validates the entries of a directory from the answers of a server.</summary>
internal sealed class EntryCollector
{
    // Enough for ten million items; a server with an endless listing must not exhaust the memory.
    private const long MostBytes = 2L << 30;
    private const int BytesPerEntry = 80;
    private const int BytesPerEmptyAnswer = 1 << 20;
    private long _bytes;

    /// <summary>The entries in their original order, without those for the directory itself and its parent.</summary>
    public List<Entry> All { get; } = [];

    /// <summary>Adds the entries of an answer.</summary>
    /// <param name="content">The answer to a request for more of a directory.</param>
    /// <exception cref="ProtocolException">It contains something that no directory can contain.</exception>
    public void Add(ReadOnlySpan<byte> content)
    {
        var reader = new PacketReader(content);
        var left = reader.ReadUInt32();
        // Empty answers are allowed, but their number is limited.
        if (left == 0) Count(BytesPerEmptyAnswer);
        for (; left > 0; left--)
        {
            var name = reader.ReadText();
            var line = reader.ReadBytes();
            var attributes = ItemAttributes.Read(ref reader).WithKindOf(line);
            if (name is "." or "..") continue;
            CheckName(name);
            Count(BytesPerEntry + 2 * name.Length);
            All.Add(new(name, attributes));
        }
    }

    /// <summary>Sorts the entries by name.</summary>
    /// <returns>The entries, without the duplicates that occur when a directory changes while it is read.</returns>
    public List<Entry> Sort()
    {
        All.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        string? last = null;
        All.RemoveAll(entry =>
        {
            var isDouble = entry.Name == last;
            last = entry.Name;
            return isDouble;
        });
        return All;
    }

    // A file name may contain any other character; these would turn it into another path.
    private static void CheckName(string name)
    {
        if (name.Length == 0 || name.AsSpan().IndexOfAny('/', '\0') >= 0)
            throw new ProtocolException("a listing has an entry whose name is empty or contains '/' or NUL");
    }

    private void Count(int bytes)
    {
        _bytes += bytes;
        if (_bytes > MostBytes) throw new ProtocolException("the listing of a directory does not end");
    }
}
