using System.Globalization;
using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Backends.Rest;

namespace BorgStore.Tests.Server;

/// <summary>A value larger than the server's memory limit.</summary>
[Trait("Category", "Long")]
public sealed class LargeValueTests
{
    private const long MostMemory = 150L << 20;

    [Fact]
    public async Task A_large_value_is_uploaded_and_downloaded_in_little_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        var size = LongTests.Choose(256L << 20, 5L << 30);
        var ct = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("store"));
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", folder.StoreUrl);
        await using (server)
        {
            await using var client = new RestBackend(url);
            await client.OpenAsync(ct);
            await client.StoreAsync("data/large", new StoreValue(new Counting(size), size), StoreMode.Overwrite, ct);

            await using var value = await client.LoadAsync("data/large", ByteRange.Whole, ct);
            Assert.Equal(size, value!.Length);
            await using var sent = new Counting(size);
            Assert.Equal(await SHA256.HashDataAsync(sent, ct), await SHA256.HashDataAsync(value, ct));

            var most = GetMostMemory(server.Process.Id);
            TestContext.Current.TestOutputHelper?.WriteLine($"{size >> 20} MiB up and down; the server had {most >> 20} MiB at the most");
            Assert.InRange(most, 0, MostMemory);
        }
    }

    [Fact]
    public async Task A_large_value_is_gathered_in_little_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        var times = (int)LongTests.Choose(32, 640);
        var ct = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("store"));
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", folder.StoreUrl);
        await using (server)
        {
            await using var client = new RestBackend(url);
            await client.OpenAsync(ct);
            const int Size = 16 << 20;
            await client.StoreAsync("data/large", new StoreValue(new Counting(Size), Size), StoreMode.Overwrite, ct);

            await using var value = await client.GatherAsync([.. Enumerable.Range(0, times).Select(_ => new Block("data/large", 0, Size))], ct);
            Assert.Equal((long)times * Size, value.Length);
            await using var sent = new Counting(Size);
            var expected = await SHA256.HashDataAsync(sent, ct);
            var buffer = new byte[Size];
            for (var i = 0; i < times; i++)
            {
                await value.ReadExactlyAsync(buffer, ct);
                Assert.Equal(expected, SHA256.HashData(buffer));
            }
            Assert.InRange(GetMostMemory(server.Process.Id), 0, MostMemory);
        }
    }

    private static long GetMostMemory(int process)
        => long.Parse(File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10;

    /// <summary>Bytes that differ from block to block.</summary>
    private sealed class Counting(long length) : ReadOnlyStream
    {
        private long _position;

        public override long Length => length;

        public override int Read(Span<byte> buffer)
        {
            var count = (int)Math.Min(buffer.Length, length - _position);
            for (var i = 0; i < count;)
            {
                // One byte value per block, so that the test costs less than the tested code.
                var run = (int)Math.Min(count - i, 4093 - (_position % 4093));
                buffer.Slice(i, run).Fill((byte)(_position / 4093));
                i += run;
                _position += run;
            }
            return count;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
    }
}
