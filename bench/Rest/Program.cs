using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BorgStore;
using BorgStore.Backends;
using BorgStore.Benchmarks.Rest;
using BorgStore.Tests.Sftp;

// The helper of bench/rest.sh, bench/rest-server.sh and bench/scale.sh.
//   floor PORT FOLDER [LOGIN AUDIT]        a bare Kestrel handler that reads and writes the same files without any checks; or with the least that a
//                                          login (a header), metrics and an audit log (a file) take
//   client URL store|load CONNECTIONS S    our client: requests per second for values of 1 KiB
//   big URL BYTES                          transfers one large value both ways
//   values COUNT FOLDER                    writes values of 1 KiB as FOLDER/data/ab/abcd..., named by their SHA-256, and the names as FOLDER/names
//   gather PORT MS                         1,000 ranges of 100 items compared with one load of as many bytes, with a delay of MS each way
//   fill URL LEVELS FROM TO                stores the values FROM to TO - 1, of 1 KiB, in a namespace with so many levels; creates the store if needed
//   list URL LEVELS                        lists that namespace: the number of items, and the seconds
switch (args)
{
    case ["floor", var port, var folder]:
        Floor.Run(int.Parse(port), folder, books: null);
        return;

    case ["floor", var port, var folder, var login, var audit]:
        using (var books = new Books(login, audit)) Floor.Run(int.Parse(port), folder, books);
        return;

    case ["client", var url, var what, var connections, var seconds]:
        await MeasureAsync(url, what == "store", int.Parse(connections), TimeSpan.FromSeconds(double.Parse(seconds)));
        return;

    case ["big", var url, var size]:
        await MoveBigAsync(url, long.Parse(size));
        return;

    case ["values", var count, var folder]:
        WriteValues(int.Parse(count), folder);
        return;

    case ["gather", var port, var milliseconds]:
        await GatherAsync(int.Parse(port), TimeSpan.FromMilliseconds(int.Parse(milliseconds)));
        return;

    case ["fill", var url, var levels, var from, var to]:
        await FillAsync(url, int.Parse(levels), int.Parse(from), int.Parse(to));
        return;

    case ["list", var url, var levels]:
        await ListAsync(url, levels);
        return;
}

static async Task MeasureAsync(string url, bool stores, int connections, TimeSpan duration)
{
    var value = new byte[1024];
    new Random(1).NextBytes(value);
    await using var backend = BackendFactory.Create(url, new());
    await backend.OpenAsync(default);
    var count = 0;
    var clock = Stopwatch.StartNew();
    await Task.WhenAll(Enumerable.Range(0, connections).Select(number => Task.Run(async () =>
    {
        for (var i = 0; clock.Elapsed < duration; i++)
        {
            if (stores)
            {
                await backend.StoreAsync($"data/c{number}-{i % 1000}", value, StoreMode.Overwrite, default);
            }
            else
            {
                await using var stream = await backend.LoadAsync("data/value", ByteRange.Whole, default);
                _ = await stream!.ReadToEndAsync();
            }
            Interlocked.Increment(ref count);
        }
    })));
    Console.WriteLine((int)(count / clock.Elapsed.TotalSeconds));
}

static async Task MoveBigAsync(string url, long size)
{
    await using var backend = BackendFactory.Create(url, new());
    await backend.OpenAsync(default);
    var clock = Stopwatch.StartNew();
    await backend.StoreAsync("data/big", new StoreValue(new Zeros(size), size), StoreMode.Overwrite, default);
    Console.WriteLine($"up   {size / clock.Elapsed.TotalSeconds / 1e6:f0} MB/s");
    clock.Restart();
    await using var stream = await backend.LoadAsync("data/big", ByteRange.Whole, default);
    var buffer = new byte[1 << 20];
    long total = 0;
    while (await stream!.ReadAsync(buffer) is > 0 and var count) total += count;
    if (total != size) throw new InvalidDataException($"{total} of {size} bytes");
    Console.WriteLine($"down {size / clock.Elapsed.TotalSeconds / 1e6:f0} MB/s");
}

// bench/rest-server.lua makes the same values, each from its number, so that only their names need a file.
static void WriteValues(int count, string folder)
{
    for (var first = 0; first < 256; first++) Directory.CreateDirectory($"{folder}/data/{first:x2}");
    using var names = File.CreateText($"{folder}/names");
    for (var number = 1; number <= count; number++)
    {
        var value = Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture).PadRight(1024));
        var name = Convert.ToHexStringLower(SHA256.HashData(value));
        File.WriteAllBytes($"{folder}/data/{name[..2]}/{name}", value);
        names.WriteLine(name);
    }
}

static async Task GatherAsync(int port, TimeSpan delay)
{
    const int Items = 100, Ranges = 1000, Size = 4096;
    await using var line = new FaultProxy(port);
    await using var backend = BackendFactory.Create($"http://127.0.0.1:{line.Port}", new());
    await backend.OpenAsync(default);
    var value = new byte[Ranges * Size];
    new Random(1).NextBytes(value);
    await backend.StoreAsync("data/whole", value, StoreMode.Overwrite, default);
    for (var i = 0; i < Items; i++) await backend.StoreAsync($"data/part{i}", value[..(Ranges / Items * 2 * Size)], StoreMode.Overwrite, default);
    // Every second piece of each item, so that no two of them can be combined into one read.
    var blocks = Enumerable.Range(0, Ranges).Select(i => new Block($"data/part{i % Items}", i / Items * 2 * Size, Size)).ToArray();
    line.Delay = delay;
    var times = (Load: new List<double>(), Gather: new List<double>(), Empty: new List<double>());
    for (var round = 0; round < 11; round++)
    {
        times.Empty.Add(await TimeAsync(() => backend.LoadAsync("data/whole", new ByteRange(0, 1), default), 1));
        times.Load.Add(await TimeAsync(() => backend.LoadAsync("data/whole", ByteRange.Whole, default), value.Length));
        times.Gather.Add(await TimeAsync(async () => await backend.GatherAsync(blocks, default), value.Length));
    }
    Console.WriteLine($"load of one byte {Median(times.Empty):f1} ms, of {value.Length} bytes {Median(times.Load):f1} ms; {Ranges} ranges of together as many {Median(times.Gather):f1} ms");

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    static async Task<double> TimeAsync(Func<ValueTask<ValueStream?>> open, int length)
    {
        var clock = Stopwatch.StartNew();
        await using var stream = await open();
        if ((await stream!.ReadToEndAsync()).Length != length) throw new InvalidDataException();
        return clock.Elapsed.TotalMilliseconds;
    }
}

// The same names as in the scripts for wrk: keys in a random order, each once.
static async Task FillAsync(string url, int levels, int from, int to)
{
    await using var backend = BackendFactory.Create(url, new() { Durability = Durability.None });
    try
    {
        await backend.CreateAsync(default);
    }
    catch (StoreException e) when (e.Error == StoreError.StoreAlreadyExists)
    {
        // Filled further.
    }
    await backend.OpenAsync(default);
    await Parallel.ForAsync(from, to, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, token) =>
    {
        var key = $"{unchecked((uint)i * 2654435761u):x8}";
        var name = $"data{levels}/{string.Concat(Enumerable.Range(0, levels).Select(level => key.AsSpan(level * 2, 2).ToString() + "/"))}{key}";
        await backend.StoreAsync(name, new byte[1024], StoreMode.Overwrite, token);
    });
}

static async Task ListAsync(string url, string levels)
{
    await using var backend = BackendFactory.Create(url, new());
    await backend.OpenAsync(default);
    var clock = Stopwatch.StartNew();
    var count = await backend.ListAsync($"data{levels}", ListScope.Tree, default).CountAsync();
    Console.WriteLine($"{count} {clock.Elapsed.TotalSeconds:f2}");
}

internal sealed class Zeros(long size) : ReadOnlyStream
{
    private long _left = size;

    public override long Length => throw new NotSupportedException();

    public override int Read(Span<byte> buffer)
    {
        var count = (int)Math.Min(buffer.Length, _left);
        buffer[..count].Clear();
        _left -= count;
        return count;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
}
