using System.Diagnostics;
using BorgStore;
using BorgStore.Backends;
using BorgStore.Tests.Sftp;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

// The helper of bench/rest.sh.
//   floor PORT FOLDER                      a bare Kestrel handler that reads and writes the same files without any checks
//   client URL store|load CONNECTIONS S    our client: requests per second for values of 1 KiB
//   big URL BYTES                          transfers one large value both ways
//   gather PORT MS                         1,000 ranges of 100 items compared with one load of as many bytes, with a delay of MS each way
switch (args)
{
    case ["floor", var port, var folder]:
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(int.Parse(port), listener => listener.Protocols = HttpProtocols.Http1));
        var app = builder.Build();
        app.Run(context => HandleAsync(context, folder));
        app.Run();
        return;

    case ["client", var url, var what, var connections, var seconds]:
        await MeasureAsync(url, what == "store", int.Parse(connections), TimeSpan.FromSeconds(double.Parse(seconds)));
        return;

    case ["big", var url, var size]:
        await MoveBigAsync(url, long.Parse(size));
        return;

    case ["gather", var port, var milliseconds]:
        await GatherAsync(int.Parse(port), TimeSpan.FromMilliseconds(int.Parse(milliseconds)));
        return;
}

static async Task HandleAsync(HttpContext context, string folder)
{
    var path = folder + context.Request.Path.Value;
    if (context.Request.Method == "POST")
    {
        var temporary = $"{path}.{Guid.NewGuid():n}.tmp";
        await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0))
            await context.Request.Body.CopyToAsync(file);
        File.Move(temporary, path, overwrite: true);
        return;
    }
    using var handle = File.OpenHandle(path);
    var length = RandomAccess.GetLength(handle);
    context.Response.ContentLength = length;
    var buffer = context.Response.BodyWriter.GetMemory((int)length);
    context.Response.BodyWriter.Advance(RandomAccess.Read(handle, buffer.Span[..(int)length], 0));
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
