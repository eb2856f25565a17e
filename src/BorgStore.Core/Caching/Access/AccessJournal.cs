using System.Buffers.Binary;
using System.Globalization;
using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Caching.Access;

/// <summary>Stores the access times of cached items in the cache itself, because storages do not keep them reliably.</summary>
/// <remarks>
/// <para>A few hidden items in the root of the cache, <c>access-0.hid</c> and so on, which are not listed. Each contains the
/// accesses of one session of the cache: 8 bytes of magic, and 12 bytes per item, a hash of its nested name and the time [s
/// since 1970], both little endian. When they become too many or too long, a single one with all items replaces them.</para>
/// <para>If the journal is lost, used by two processes at once or never written, the only consequence is a worse choice of the items to evict.</para>
/// </remarks>
/// <param name="storage">The cache.</param>
internal sealed class AccessJournal(IBackend storage)
{
    private const int MaxParts = 32;
    private const int RecordSize = 12;
    private static readonly byte[] Magic = "BSACCES1"u8.ToArray();
    private int _parts;
    private long _records;

    /// <summary>Returns whether to write all items anew rather than append more.</summary>
    /// <param name="items">The number of items.</param>
    /// <param name="more">The number of records that would be added.</param>
    public bool NeedsRewrite(long items, long more) => _parts == MaxParts || _records + more > (2 * items) + 1000;

    /// <summary>Reads the journal: the times [s] by the hash of the name.</summary>
    public async Task<Dictionary<ulong, uint>> ReadAsync(CancellationToken cancellationToken)
    {
        var times = new Dictionary<ulong, uint>();
        for (_parts = 0; _parts < MaxParts; _parts++)
        {
            var stream = await storage.LoadAsync(NameOf(_parts), ByteRange.Whole, cancellationToken).ConfigureAwait(false);
            if (stream is null) break;
            await using (stream.ConfigureAwait(false))
                Take(await stream.ReadToEndAsync(cancellationToken).ConfigureAwait(false), times);
        }
        return times;
    }

    /// <summary>Writes the items accessed in this session, replacing what the session wrote before.</summary>
    public Task WriteAsync(IReadOnlyList<(ulong Hash, uint Time)> items, CancellationToken cancellationToken)
        => WriteAsync(_parts, items, cancellationToken).AsTask();

    /// <summary>Replaces the whole journal with the given items.</summary>
    public async Task RewriteAsync(IReadOnlyList<(ulong Hash, uint Time)> items, CancellationToken cancellationToken)
    {
        await WriteAsync(0, items, cancellationToken).ConfigureAwait(false);
        for (; _parts > 1; _parts--) await storage.DeleteAsync(NameOf(_parts - 1), cancellationToken).ConfigureAwait(false);
        (_parts, _records) = (1, items.Count);
    }

    /// <summary>Computes the hash of a name in the journal (FNV-1a, 64 bits).</summary>
    public static ulong HashOf(string prefix, string path)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var c in prefix) hash = (hash ^ c) * 0x100000001b3;
        foreach (var c in path) hash = (hash ^ c) * 0x100000001b3;
        return hash;
    }

    private void Take(ReadOnlySpan<byte> part, Dictionary<ulong, uint> times)
    {
        if (!part.StartsWith(Magic)) return;
        for (part = part[Magic.Length..]; part.Length >= RecordSize; part = part[RecordSize..])
        {
            var hash = BinaryPrimitives.ReadUInt64LittleEndian(part);
            var time = BinaryPrimitives.ReadUInt32LittleEndian(part[8..]);
            // After a crash during a renewal, older parts follow the new first one.
            if (!times.TryGetValue(hash, out var known) || known < time) times[hash] = time;
            _records++;
        }
    }

    private ValueTask WriteAsync(int part, IReadOnlyList<(ulong Hash, uint Time)> items, CancellationToken cancellationToken)
    {
        var bytes = new byte[Magic.Length + (RecordSize * items.Count)];
        Magic.CopyTo(bytes, 0);
        for (var i = 0; i < items.Count; i++)
        {
            var record = bytes.AsSpan(Magic.Length + (RecordSize * i));
            BinaryPrimitives.WriteUInt64LittleEndian(record, items[i].Hash);
            BinaryPrimitives.WriteUInt32LittleEndian(record[8..], items[i].Time);
        }
        return storage.StoreAsync(NameOf(part), bytes, StoreMode.Overwrite, cancellationToken);
    }

    private static string NameOf(int part) => string.Create(CultureInfo.InvariantCulture, $"access-{part}{Suffixes.Hidden}");
}
