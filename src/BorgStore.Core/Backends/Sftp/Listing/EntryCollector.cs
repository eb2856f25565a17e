using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Collects the entries of one directory from the answers of a server, and trusts none of them.</summary>
internal sealed class EntryCollector
{
    // Enough for ten million items; a server that never ends a listing must not take all memory.
    private const long MostBytes = 2L << 30;
    private const int BytesPerEntry = 80;
    private const int BytesPerEmptyAnswer = 1 << 20;
    private long _bytes;

    /// <summary>The entries in the order in which they came, without those for the directory itself and its parent.</summary>
    public List<Entry> All { get; } = [];

    /// <summary>Adds the entries of an answer.</summary>
    /// <param name="content">The answer to a request for more of a directory.</param>
    /// <exception cref="ProtocolException">It holds what no directory can hold.</exception>
    public void Add(ReadOnlySpan<byte> content)
    {
        var reader = new PacketReader(content);
        var left = reader.ReadUInt32();
        // There may be answers without entries, but not any number of them.
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
    /// <returns>The entries. One that came twice, as happens while a directory changes, is there once.</returns>
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

    // Any other character may be in the name of a file; these would make another path of it.
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
