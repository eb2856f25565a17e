using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Rclone;

/// <summary>The memory that a large value takes, measured while no other test runs.</summary>
[Collection(nameof(ScaleTests))]
[Trait("Category", "Long")]
public sealed class RcloneLargeValueTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_large_value_is_stored_and_loaded_in_little_memory()
    {
        RcloneProgram.Require();
        var size = LongTests.Choose(100L << 20, 4L << 30);
        await using var store = new RcloneBackend("rclone:" + _folder.Combine("store"));
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        var before = GC.GetTotalAllocatedBytes();
        await store.StoreAsync("data/a", new StoreValue(new ZeroStream(), size), StoreMode.Overwrite, Ct);
        await using var stream = await store.LoadAsync("data/a", ByteRange.Whole, Ct);
        Assert.Equal(size, stream!.Length);
        await stream.CopyToAsync(Stream.Null, Ct);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64L << 20);
        Assert.Equal(size, (await store.FindAsync("data/a", Ct))!.Value.Size);
    }

    private sealed class ZeroStream : ReadOnlyStream
    {
        public override long Length => throw new NotSupportedException();

        public override int Read(Span<byte> buffer)
        {
            buffer.Clear();
            return buffer.Length;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
    }
}
