using System.Buffers.Binary;
using System.Globalization;
using BorgStore.Backends;
using BorgStore.Caching;
using BorgStore.Caching.Access;
using BorgStore.Diagnostics;
using BorgStore.Layout;
using BorgStore.Samples;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Folders of caches that something else has written to, and the order of what is cached.</summary>
/// <remarks>An input is <c>j</c> and a journal of accesses; <c>i</c> and operations on the index of accesses, three bytes each; or lines
/// <c>NAME VALUE</c>, the content of the cache.</remarks>
internal sealed class CacheTarget : IFuzzTarget
{
    private static readonly (string Name, byte[] Value)[] Stored = [("data/a", "aaaa"u8.ToArray()), ("data/b", "bb"u8.ToArray()), ("data/c", [])];

    public IReadOnlyList<string> Tokens => ["jBSACCES1", "BSACCES1", "\n", " ", "data/a", "data/b aaaa", "access-0.hid ", "access-1.hid ", ".tmp", "data/x.tmp ", "data/sub/", "i"];

    public void Run(byte[] input)
    {
        if (input is [(byte)'j', .. var journal]) CheckJournal(journal).GetAwaiter().GetResult();
        else if (input is [(byte)'i', .. var operations]) CheckIndex(operations);
        else CheckFolderAsync(input).GetAwaiter().GetResult();
    }

    private static async Task CheckJournal(byte[] content)
    {
        var backend = MemoryStores.Open("memory:journal", ("access-0.hid", content));
        var times = await new AccessJournal(backend).ReadAsync(default);
        var expected = new Dictionary<ulong, uint>();
        for (var at = 8; content.AsSpan().StartsWith("BSACCES1"u8) && at + 12 <= content.Length; at += 12)
        {
            var (hash, time) = (BinaryPrimitives.ReadUInt64LittleEndian(content.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(at + 8)));
            expected[hash] = Math.Max(time, expected.GetValueOrDefault(hash));
        }
        CheckSame(expected, times);
        var journal = new AccessJournal(backend);
        await journal.RewriteAsync([.. times.Select(pair => (pair.Key, pair.Value))], default);
        CheckSame(expected, await new AccessJournal(backend).ReadAsync(default));

        static void CheckSame(Dictionary<ulong, uint> expected, Dictionary<ulong, uint> times)
            => Check.That(expected.Count == times.Count && expected.All(pair => times.GetValueOrDefault(pair.Key, ~pair.Value) == pair.Value), () => "The journal has other accesses.");
    }

    // The same with a list.
    private static void CheckIndex(byte[] operations)
    {
        var index = new AccessIndex();
        var model = new List<(string Path, long Size, long Time)>();
        for (var i = 0; i + 3 <= operations.Length; i += 3)
        {
            var (path, size, now) = ((operations[i + 1] % 8).ToString(CultureInfo.InvariantCulture), (long)operations[i + 2], (long)i);
            var known = model.FindIndex(entry => entry.Path == path);
            switch (operations[i] % 4)
            {
                case 0:
                    index.Add(path, size, now);
                    if (known >= 0) model.RemoveAt(known);
                    model.Add((path, size, now));
                    break;
                case 1:
                    long? maxAge = size < 128 ? size : null;
                    var state = known < 0 ? AccessState.Unknown : now - model[known].Time > maxAge ? AccessState.Expired : AccessState.Current;
                    Check.Equal(state, index.Touch(path, now, maxAge), "what is known of an item");
                    if (state != AccessState.Current) break;
                    var touched = model[known] with { Time = now };
                    model.RemoveAt(known);
                    model.Add(touched);
                    break;
                case 2:
                    Check.Equal(known < 0 ? (long?)null : model[known].Size, index.Remove(path), "the size of what is removed");
                    if (known >= 0) model.RemoveAt(known);
                    break;
                default:
                    (string, long, long)? oldest = model.Count > 0 && model.Sum(entry => entry.Size) > size ? model[0] : null;
                    Check.Equal(oldest, index.TakeOldest(size, long.MinValue), "the oldest item");
                    if (oldest is not null) model.RemoveAt(0);
                    break;
            }
            Check.Equal((model.Count, model.Sum(entry => entry.Size)), (index.Count, index.TotalSize), "the number and size of all");
        }
        var order = new List<string>();
        index.ForEachSince(0, (path, _) => order.Add(path));
        Check.That(order.SequenceEqual(model.Select(entry => entry.Path).Reverse()), () => "The order is another one.");
    }

    // Whatever is in the cache, the store answers, and afterwards the cache has the right values of what was changed.
    private static async Task CheckFolderAsync(byte[] input)
    {
        var content = new List<(string Name, byte[] Value)>();
        foreach (var line in Split(input))
        {
            var space = line.AsSpan().IndexOf((byte)' ');
            var name = Check.Texts(line[..Math.Max(0, space)]).Last();
            if (space > 0 && name.Split('/').All(element => element is not ("" or "." or ".."))) content.Add((name, line[(space + 1)..]));
        }
        _ = MemoryStores.Open("memory:storage", Stored);
        _ = MemoryStores.Open("memory:cached", content);
        var layout = new StoreLayout([new NamespaceLayout("data", 0) { Cache = new(CacheMode.WriteThrough) { Size = 20 } }]);
        await using var caching = new CachingBackend(new MemoryBackend("memory:storage"), new(new MemoryBackend("memory:cached"), "memory:cached", new CacheMeter(), null), layout, "memory:storage");
        await caching.OpenAsync(default);
        await caching.ListingTask;
        foreach (var (name, value) in Stored)
        {
            await caching.StoreAsync(name, value, StoreMode.Overwrite, default);
            await using var loaded = await caching.LoadAsync(name, ByteRange.Whole, default);
            Check.That(loaded is not null && (await loaded.ReadToEndAsync(default)).AsSpan().SequenceEqual(value), () => $"'{name}' has another value.");
        }
        Check.That(MemoryStores.List(caching, "data").Count == Stored.Length, () => "The cache is listed.");
    }

    private static List<byte[]> Split(byte[] input)
    {
        var lines = new List<byte[]>();
        foreach (var range in input.AsSpan().Split((byte)'\n')) lines.Add(input[range]);
        return lines;
    }
}
