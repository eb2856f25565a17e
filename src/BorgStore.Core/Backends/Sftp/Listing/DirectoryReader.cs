using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Reads a whole directory, with several requests in flight.</summary>
internal static class DirectoryReader
{
    private const int MaxInFlight = 8;
    private const int LooksAtOnce = 256;

    /// <summary>Reads a directory.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="path">Its path on the server.</param>
    /// <param name="prefix">The start of the names to return; <c>""</c> for all.</param>
    /// <param name="links">How to treat symbolic links.</param>
    /// <param name="isRoot">Whether it is the root of the store, which may be behind a link.</param>
    /// <param name="cancellationToken">A token to cancel the operation between two requests.</param>
    /// <returns>The entries, sorted by name; or the server's refusal.</returns>
    public static async Task<(List<Entry> Entries, Reply Refusal)> ReadAsync(
        SftpConnection connection, string path, string prefix, Links links, bool isRoot, CancellationToken cancellationToken)
    {
        var entries = new EntryCollector();
        var opening = connection.SendAsync(new PathRequest(PacketType.OpenDirectory, PacketType.Handle, path));
        // Opening follows links, and the directory may have been replaced with a link since its parent was listed.
        var isLink = links == Links.AreEntries && !isRoot && await LinkCheck.IsLinkAsync(connection, path).ConfigureAwait(false);
        var opened = await opening.ConfigureAwait(false);
        if (!opened.IsOk) return ([], opened);

        var request = new HandleRequest(PacketType.ReadDirectory, PacketType.Name, opened.Handle);
        var inFlight = new ReplyQueue();
        var refusal = default(Reply);
        try
        {
            if (isLink) return ([], new() { Status = StatusCode.NoSuchFile });

            // Most directories need one answer, and a second that reports the end.
            for (var answers = 0; refusal.IsOk; answers++)
            {
                var wanted = answers == 0 ? 2 : Math.Min(answers, MaxInFlight);
                while (inFlight.Count < wanted) inFlight.Enqueue(connection.SendAsync(request));
                using var reply = await inFlight.DequeueAsync().ConfigureAwait(false);
                if (reply.IsOk) entries.Add(reply.Content.Span);
                else refusal = reply;
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
            await inFlight.DropAsync().ConfigureAwait(false);
        }
        entries.All.RemoveAll(entry => !entry.Name.StartsWith(prefix, StringComparison.Ordinal));
        await CompleteAsync(connection, path, links, entries.All).ConfigureAwait(false);
        return (entries.Sort(), refusal.Status == StatusCode.EndOfFile ? default : refusal);
    }

    // A listing describes links themselves. Readers need the status of their targets.
    // A deletion must not follow links, so it looks at every entry of unknown kind.
    private static async Task CompleteAsync(SftpConnection connection, string path, Links links, List<Entry> entries)
    {
        var type = links == Links.AreFollowed ? PacketType.Stat : PacketType.LinkStat;
        var unclear = Enumerable.Range(0, entries.Count).Where(i =>
            links == Links.AreFollowed ? entries[i].Attributes.IsLink : entries[i].Attributes.IsOfUnknownKind).ToList();
        foreach (var some in unclear.Chunk(LooksAtOnce))
        {
            var stats = await Task.WhenAll(
                some.Select(i => StatAsync(connection, type, $"{path}/{entries[i].Name}").AsTask())).ConfigureAwait(false);
            foreach (var (i, stat) in some.Zip(stats))
            {
                if (stat.IsOk) entries[i] = entries[i] with { Attributes = stat.Attributes };
                else if (links == Links.AreFollowed) entries[i] = default;
            }
        }
        if (unclear.Count > 0) entries.RemoveAll(entry => entry.Name is null);
    }

    private static ValueTask<Reply> StatAsync(SftpConnection connection, PacketType type, string path)
        => connection.SendAsync(new PathRequest(type, PacketType.Attributes, path));
}

/// <summary>A file or directory in the listing of its directory.</summary>
/// <param name="Name">The name in that directory.</param>
/// <param name="Attributes">Its attributes.</param>
internal readonly record struct Entry(string Name, ItemAttributes Attributes);

/// <summary>How to treat symbolic links in a directory.</summary>
internal enum Links
{
    /// <summary>As their targets, for reading.</summary>
    AreFollowed,

    /// <summary>As themselves, for deletions, which must not reach outside the store.</summary>
    AreEntries,
}

/// <summary>Collects and validates the entries of a directory from the answers of a server.</summary>
internal sealed class EntryCollector
{
    // Enough for ten million items; a server with an endless listing must not exhaust the memory.
    private const long MaxBytes = 2L << 30;
    private const int BytesPerEntry = 80;
    private const int BytesPerEmptyReply = 1 << 20;
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
        if (left == 0) Count(BytesPerEmptyReply);
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
        if (_bytes > MaxBytes) throw new ProtocolException("the listing of a directory does not end");
    }
}
