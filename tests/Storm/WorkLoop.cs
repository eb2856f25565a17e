using System.Diagnostics;
using System.Globalization;
using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Tests.Storm;

/// <summary>Performs operations that are requested on stdin, and reports what each took.</summary>
/// <remarks>
/// <para>A request is a line <c>OPERATION SIZE CONCURRENCY COUNT MILLISECONDS</c>: the operation is performed on COUNT items of SIZE bytes, so many at
/// a time. If it changes nothing, it is repeated until the time has passed. The items are stored before if they are not there, which does not count.</para>
/// <para>The response is a line <c>ok NANOSECONDS BYTES REQUESTS</c> for all items together: the time, the bytes allocated and the HTTP requests;
/// or <c>no REASON</c>. The measured part is between the two calls of <see cref="TracedCalls"/> that a trace shows.</para>
/// </remarks>
internal sealed class WorkLoop(Workload workload, RequestCounter requests)
{
    private readonly Dictionary<long, byte[]> _values = [];
    private (long Size, int Count) _filled;
    private string[] _names = [];
    private string[] _others = [];

    /// <summary>Serves requests until stdin ends.</summary>
    /// <param name="url">The store.</param>
    /// <param name="access"><c>store</c>, <c>nested</c> for one with a level of directories, or <c>backend</c> for the storage alone.</param>
    /// <param name="cacheUrl">The cache, if there is one.</param>
    public static async Task RunAsync(string url, string access, string? cacheUrl)
    {
        await using var workload = await Workload.OpenAsync(url, access switch { "store" => 0, "nested" => 1, _ => null }, cacheUrl);
        using var requests = new RequestCounter();
        var loop = new WorkLoop(workload, requests);
        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            try
            {
                Console.WriteLine(await loop.ServeAsync(line.Split(' ')));
            }
            catch (Exception e) when (e is StoreException or InvalidDataException or NotSupportedException)
            {
                Console.WriteLine($"no {e.Message.ReplaceLineEndings(" ")}");
            }
        }
        await loop.ClearAsync();
    }

    private async Task<string> ServeAsync(string[] request)
    {
        var (operation, size, concurrency, count, least) = (request[0], Number(1), (int)Number(2), (int)Number(3), Number(4));
        if (operation == "store") await ClearAsync();
        else if (operation is not ("hash-memory" or "blake3-memory")) await FillAsync(size, count);
        if (_names.Length != count)
        {
            _names = [.. Enumerable.Range(0, count).Select(i => NameOf(i))];
            _others = [.. Enumerable.Range(0, count).Select(i => NameOf(i) + "m")];
        }
        var value = ValueOf(size);
        switch (operation)
        {
            case "store":
                _filled = (size, count);
                return await MeasureAsync(() => EachAsync(concurrency, i => workload.StoreAsync(_names[i], value)));
            case "load": return await MeasureAsync(() => EachAsync(concurrency, i => workload.LoadAsync(_names[i], ByteRange.Whole, size)), least);
            case "range": return await MeasureAsync(() => EachAsync(concurrency, i => workload.LoadAsync(_names[i], new(size / 4, size / 2), size / 2)), least);
            case "info": return await MeasureAsync(() => EachAsync(concurrency, i => workload.FindAsync(_names[i])), least);
            case "hash" or "blake3":
                var kind = operation == "hash" ? HashKind.Sha256 : HashKind.Blake3;
                return await MeasureAsync(() => EachAsync(concurrency, async i => _ = await workload.HashAsync(_names[i], kind)), least);
            case "hash-memory": return await HashInMemoryAsync(HashKind.Sha256, value, count, least);
            case "blake3-memory": return await HashInMemoryAsync(HashKind.Blake3, value, count, least);
            case "open": return await MeasureAsync(workload.OpenAgainAsync, least);
            case "first": return await MeasureAsync(async () => await workload.ListFirstAsync(), least);
            case "list": return await MeasureAsync(async () => Check(await workload.ListAsync(), count), least);
            case "list-all": return await MeasureAsync(async () => Check(await workload.ListAllAsync(), count), least);
            case "move":
                return await RevertAsync(await MeasureAsync(() => EachAsync(concurrency, i => workload.MoveAsync(_names[i], _others[i]))),
                    i => workload.MoveAsync(_others[i], _names[i]));
            case "soft-delete":
                return await RevertAsync(await MeasureAsync(() => EachAsync(concurrency, i => workload.SoftDeleteAsync(_names[i]))),
                    i => workload.UndeleteAsync(_names[i]));
            case "defrag":
                Block[] blocks = [.. _names.Select(name => new Block(name, 0, size))];
                var result = await MeasureAsync(async () => _ = await workload.DefragAsync(blocks, "data/joined"));
                await workload.DeleteAsync("data/joined");
                return result;
            case "delete":
                _filled = default;
                return await MeasureAsync(() => EachAsync(concurrency, i => workload.DeleteAsync(_names[i])));
            default: return $"no There is no operation {operation}.";
        }

        long Number(int index) => long.Parse(request[index], CultureInfo.InvariantCulture);
    }

    // Keys are spread over all directories, and each is there once.
    private static string NameOf(int number) => $"data/{unchecked((uint)number * 2654435761u):x8}";

    private byte[] ValueOf(long size)
    {
        if (_values.TryGetValue(size, out var value)) return value;
        value = new byte[size];
        new Random(1).NextBytes(value);
        return _values[size] = value;
    }

    private async Task FillAsync(long size, int count)
    {
        if (_filled == (size, count)) return;
        await ClearAsync();
        var value = ValueOf(size);
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => await workload.StoreAsync(NameOf(i), value));
        _filled = (size, count);
    }

    private async Task ClearAsync()
    {
        var (_, count) = _filled;
        _filled = default;
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => await workload.DeleteAsync(NameOf(i)));
    }

    private async Task EachAsync(int concurrency, Func<int, ValueTask> act)
    {
        if (concurrency == 1)
        {
            for (var i = 0; i < _names.Length; i++) await act(i);
            return;
        }
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < _names.Length;) await act(i);
        })));
    }

    private async Task<string> HashInMemoryAsync(HashKind kind, byte[] value, int count, long least)
    {
        using var hasher = kind.CreateHasher();
        var digest = new byte[kind.DigestSize];
        return await MeasureAsync(() =>
        {
            for (var i = 0; i < count; i++)
            {
                hasher.Append(value);
                hasher.Finish(digest);
            }
            return Task.CompletedTask;
        }, least);
    }

    private async Task<string> RevertAsync(string result, Func<int, ValueTask> act)
    {
        await EachAsync(16, act);
        return result;
    }

    // Without a minimum time the operation is performed once.
    private async Task<string> MeasureAsync(Func<Task> act, long milliseconds = 0)
    {
        var least = TimeSpan.FromMilliseconds(milliseconds);
        var turns = 0;
        File.Exists(TracedCalls.Begin);
        var (allocated, sent, start) = (GC.GetTotalAllocatedBytes(precise: true), requests.Count, Stopwatch.GetTimestamp());
        TimeSpan time;
        do
        {
            await act();
            turns++;
            time = Stopwatch.GetElapsedTime(start);
        }
        while (time < least);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        File.Exists(TracedCalls.End);
        return string.Create(CultureInfo.InvariantCulture, $"ok {time.TotalNanoseconds / turns:f0} {allocated / turns} {(requests.Count - sent) / turns}");
    }

    private static void Check(int found, int expected)
    {
        if (found != expected) throw new InvalidDataException($"{found} of {expected} items were listed.");
    }
}
