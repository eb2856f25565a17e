using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Reads a whole directory, with several requests in flight.</summary>
internal static class DirectoryReader
{
    private const int MostInFlight = 8;
    private const int LooksAtOnce = 256;

    /// <summary>Reads a directory.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="path">Its path on the server.</param>
    /// <param name="links">How to treat symbolic links.</param>
    /// <param name="isRoot">Whether it is the root of the store, which may be behind a link.</param>
    /// <param name="cancellationToken">A token to cancel the operation between two requests.</param>
    /// <returns>All entries, sorted by name; or the server's refusal.</returns>
    public static async Task<(List<Entry> Entries, Reply Refusal)> ReadAsync(
        SftpConnection connection, string path, Links links, bool isRoot, CancellationToken cancellationToken)
    {
        var entries = new EntryCollector();
        var opening = connection.SendAsync(new PathRequest(PacketType.OpenDirectory, PacketType.Handle, path));
        // Opening follows links, and the directory may have been replaced with a link since its parent was listed.
        var isLink = links == Links.AreEntries && !isRoot && await LinkCheck.IsLinkAsync(connection, path).ConfigureAwait(false);
        var opened = await opening.ConfigureAwait(false);
        if (!opened.IsOk) return ([], opened);

        var request = new HandleRequest(PacketType.ReadDirectory, PacketType.Name, opened.Handle);
        var inFlight = new AnswerQueue();
        var refusal = default(Reply);
        try
        {
            if (isLink) return ([], new() { Status = StatusCode.NoSuchFile });

            // Most directories need one answer, and a second that reports the end.
            for (var answers = 0; refusal.IsOk; answers++)
            {
                var wanted = answers == 0 ? 2 : Math.Min(answers, MostInFlight);
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
