using System.Security.Cryptography;
using BorgStore.Server.Http;

namespace BorgStore.Tests.Server;

/// <summary>What waits in memory, or on disk if it is more.</summary>
public sealed class SpoolTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 << 10)]
    [InlineData((64 << 10) + 1)]
    [InlineData(1 << 20)]
    [InlineData((1 << 20) + 1)]
    [InlineData(3 << 20)]
    public async Task Everything_is_returned_once(int size)
    {
        var bytes = RandomNumberGenerator.GetBytes(size);
        var reserved = 0L;
        await using var spool = new Spool(count => reserved += count);
        await WriteAsync(spool, bytes);
        Assert.Equal((size, size), (spool.Length, reserved));
        Assert.Equal(bytes, await ReadAsync(spool));
    }

    [Fact]
    public async Task Many_at_once_do_not_stay_in_memory_and_are_returned_all_the_same()
    {
        var values = Enumerable.Range(0, 100).Select(i => RandomNumberGenerator.GetBytes((1 << 20) - i)).ToArray();
        var spools = await Task.WhenAll(values.Select(async value =>
        {
            var spool = new Spool(_ => { });
            await WriteAsync(spool, value);
            return spool;
        }));
        // At most 32 of them are in memory; the files of the others have no name.
        if (OperatingSystem.IsLinux())
            Assert.InRange(Directory.GetFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget?.Contains(".spool (deleted)", StringComparison.Ordinal) == true), 68, int.MaxValue);
        for (var i = 0; i < values.Length; i++)
        {
            Assert.Equal(values[i], await ReadAsync(spools[i]));
            await spools[i].DisposeAsync();
        }
    }

    private static async Task WriteAsync(Spool spool, byte[] bytes)
    {
        for (var position = 0; position < bytes.Length; position += 50_000)
            await spool.WriteAsync(bytes.AsMemory(position, Math.Min(50_000, bytes.Length - position)), default);
    }

    private static async Task<byte[]> ReadAsync(Spool spool)
    {
        await using var stream = spool.Read();
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
