using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Tests.Backends;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Values that take more than one request.</summary>
[Trait("Category", "Long")]
public sealed class S3LargeValueTests(CephServer ceph) : S3Test(ceph)
{
    private const int Size = 25_000_001;

    [Fact]
    public async Task A_large_value_is_uploaded_and_downloaded_in_parts()
    {
        var value = Bytes(Size);
        var up = await Server.LogAsync(Path, async () => await Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct));
        Assert.Equal((3, 2), (up.Count(request => request.StartsWith("PUT", StringComparison.Ordinal)), up.Count(request => request.StartsWith("POST", StringComparison.Ordinal))));
        var down = await Server.LogAsync(Path, async () => Assert.Equal(value, await LoadAsync("data/a")));
        Assert.Equal(3, down.Count(request => request.StartsWith("GET", StringComparison.Ordinal)));
        await Store.StoreAsync("data/b", new StoreValue(new ForwardStream(value), Size), StoreMode.Overwrite, Ct);

        foreach (var name in new[] { "data/a", "data/b" })
        {
            Assert.Equal(value, await LoadAsync(name));
            Assert.Equal(value[1000..^1000], await LoadAsync(name, new(1000, Size - 2000)));
            Assert.Equal(value[^20_000_000..], await LoadAsync(name, new(-20_000_000)));
            Assert.Equal(HashKind.Sha256.ComputeHex(value), await Store.HashAsync(name, HashKind.Sha256, Ct));
        }
        Assert.True(await Store.MoveAsync("data/a", "data/c", StoreMode.CreateNew, Ct));
        Assert.Equal(value, await LoadAsync("data/c"));
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.StoreAsync("data/c", value, StoreMode.CreateNew, Ct).AsTask());
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.MoveAsync("data/b", "data/c", StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
    }

    [Fact]
    public async Task A_huge_value_is_stored_and_loaded_in_constant_memory()
    {
        var size = LongTests.Choose(quick: 100L << 20, @long: 5L << 30);
        var peak = 0L;
        using var sampling = new Timer(_ => peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: false)), null, 0, 50);
        GC.Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await Store.StoreAsync("data/huge", new StoreValue(new PatternStream(size), size), StoreMode.Overwrite, Ct);
        await using (var stream = await Store.LoadAsync("data/huge", default, Ct))
        {
            Assert.Equal(size, stream!.Length);
            await PatternStream.AssertIsAsync(stream, size, Ct);
        }
        // In the short form, other tests run at the same time.
        if (LongTests.Wanted) Assert.InRange(peak - before, 0, 150L << 20);
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(12_000_000)]
    [InlineData(Size - 1)]
    public async Task A_failing_upload_leaves_no_item_and_no_parts(int at)
    {
        var value = new StoreValue(new ThrowingStream(Bytes(Size), at), Size);
        await Assert.ThrowsAsync<InvalidDataException>(() => Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct).AsTask());
        Assert.Null(await Store.FindAsync("data/a", Ct));
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
    }

    [Fact]
    public async Task An_abandoned_load_returns_its_buffers()
    {
        await Store.StoreAsync("data/a", Bytes(Size), StoreMode.Overwrite, Ct);
        for (var i = 0; i < 6; i++)
        {
            await using var stream = await Store.LoadAsync("data/a", default, Ct);
            await stream!.ReadExactlyAsync(new byte[(i * 3_400_000) + 1], Ct);
        }
        // Readers that could use more buffers than there are.
        var readers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ => (await Store.LoadAsync("data/a", default, Ct))!));
        foreach (var reader in readers) await reader.ReadExactlyAsync(new byte[10], Ct);
        foreach (var reader in readers.Reverse())
        {
            Assert.Equal(Size - 10, (await ReadRestAsync(reader)).Length);
            await reader.DisposeAsync();
        }
    }

    [Fact]
    public async Task Defrag_copies_large_ranges_on_the_server()
    {
        var (a, b) = (Bytes(Size, 1), Bytes(1_000_000, 2));
        await Store.StoreAsync("data/a", a, StoreMode.Overwrite, Ct);
        await Store.StoreAsync("data/b", b, StoreMode.Overwrite, Ct);
        var request = new DefragRequest([new("data/b", 10, 999_990), new("data/a", 7, 20_000_000), new("data/b", 0, 1_000_000)]);
        byte[] expected = [.. b[10..], .. a[7..20_000_007], .. b];

        var requests = await Server.LogAsync(Path, async () => await Store.DefragAsync(request with { Target = "data/c" }, Ct));
        Assert.Equal(expected, await LoadAsync("data/c"));
        Assert.Equal(3, requests.Count(line => line.StartsWith("PUT", StringComparison.Ordinal)));

        var name = await Store.DefragAsync(request with { Algorithm = HashKind.Blake3, Namespace = "data", Levels = 1 }, Ct);
        Assert.EndsWith(HashKind.Blake3.ComputeHex(expected), name, StringComparison.Ordinal);
        Assert.Equal(expected, await LoadAsync(name));
    }

    [Fact]
    public async Task Unfinished_uploads_are_found_and_aborted()
    {
        var upload = await Server.Client.InitiateMultipartUploadAsync(CephServer.BucketName, $"{Path}/data/ab/abc", Ct);
        await Server.Client.UploadPartAsync(new() { BucketName = CephServer.BucketName, Key = upload.Key, UploadId = upload.UploadId, PartNumber = 1, InputStream = new MemoryStream(Bytes(100)), UseChunkEncoding = false }, Ct);
        var other = await Server.Client.InitiateMultipartUploadAsync(CephServer.BucketName, $"{Path}-other/data/x", Ct);

        Assert.Empty(await Store.ListTemporaryAsync(TimeSpan.FromHours(1), Ct).ToListAsync(Ct));
        var item = Assert.Single(await Store.ListTemporaryAsync(TimeSpan.FromMinutes(-1), Ct).ToListAsync(Ct));
        Assert.Equal(100, item.Size);
        Assert.StartsWith("data/ab/abc", item.Id, StringComparison.Ordinal);
        Assert.Null(await Store.FindAsync("data/ab/abc", Ct));
        Assert.True(await Store.DeleteTemporaryAsync(item, Ct));
        Assert.False(await Store.DeleteTemporaryAsync(item, Ct));
        Assert.Equal(1, await Server.CountUploadsAsync(Path));
        await Server.Client.AbortMultipartUploadAsync(CephServer.BucketName, other.Key, other.UploadId, Ct);
    }

    private static async Task<byte[]> ReadRestAsync(Stream stream)
    {
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Ct);
        return copy.ToArray();
    }
}
