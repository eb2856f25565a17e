using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Reads a whole directory, with requests ahead of the answers.</summary>
internal static class DirectoryReader
{
    private const int MostInFlight = 8;

    /// <summary>Reads a directory.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="path">Its path on the server.</param>
    /// <param name="cancellationToken">Ends it between two requests.</param>
    /// <returns>All there is in it, sorted by name; or the refusal of the server.</returns>
    public static async Task<(List<Entry> Entries, Reply Refusal)> ReadAsync(
        SftpConnection connection, string path, CancellationToken cancellationToken)
    {
        var entries = new List<Entry>();
        var opened = await connection.SendAsync(
            new PathRequest(PacketType.OpenDirectory, PacketType.Handle, path)).ConfigureAwait(false);
        if (!opened.IsOk) return (entries, opened);

        var request = new HandleRequest(PacketType.ReadDirectory, PacketType.Name, opened.Handle);
        var inFlight = new AnswerQueue();
        var refusal = default(Reply);
        try
        {
            // Most directories come with one answer and a second that says so.
            for (var answers = 0; refusal.IsOk; answers++)
            {
                var wanted = answers == 0 ? 2 : Math.Min(answers, MostInFlight);
                while (inFlight.Count < wanted) inFlight.Enqueue(connection.SendAsync(request));
                using var reply = await inFlight.DequeueAsync().ConfigureAwait(false);
                if (reply.IsOk) Add(entries, reply.Content.Span);
                else refusal = reply;
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
            await inFlight.DropAsync().ConfigureAwait(false);
        }
        await ResolveLinksAsync(connection, path, entries).ConfigureAwait(false);
        entries.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return (entries, refusal.Status == StatusCode.EndOfFile ? default : refusal);
    }

    private static void Add(List<Entry> entries, ReadOnlySpan<byte> content)
    {
        var reader = new PacketReader(content);
        for (var left = reader.ReadUInt32(); left > 0; left--)
        {
            var name = reader.ReadText();
            var line = reader.ReadBytes();
            var attributes = ItemAttributes.Read(ref reader);
            // A server that does not tell the kind shows it in the line for people, as ls does.
            if (attributes.Mode == 0 && line is [(byte)'d', ..]) attributes = attributes.AsDirectory();
            if (name is not ("." or "..")) entries.Add(new(name, attributes));
        }
    }

    // A listing tells of a link itself; what counts is where it leads.
    private static async Task ResolveLinksAsync(SftpConnection connection, string path, List<Entry> entries)
    {
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            if (!entries[i].Attributes.IsLink) continue;
            using var stat = await connection.SendAsync(
                new PathRequest(PacketType.Stat, PacketType.Attributes, $"{path}/{entries[i].Name}")).ConfigureAwait(false);
            if (stat.IsOk) entries[i] = entries[i] with { Attributes = stat.Attributes };
            else entries.RemoveAt(i);
        }
    }
}
