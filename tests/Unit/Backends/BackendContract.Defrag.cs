using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task Hash_matches_the_value_for_every_algorithm()
    {
        foreach (var size in new[] { 0, 1, 100_000, 3 << 20 })
        {
            var value = Bytes(size);
            await StoreAsync("data/a", value);
            foreach (var kind in HashKind.All) Assert.Equal(kind.ComputeHex(value), await Store.HashAsync("data/a", kind, Ct));
        }
    }

    [Fact]
    public async Task Defrag_names_the_new_item_by_the_hash_of_its_blocks()
    {
        var (a, b) = (Bytes(1000, 1), Bytes(3 << 20, 2));
        await StoreAsync("data/aa/a", a);
        await StoreAsync("data/b", b);
        byte[] expected = [.. b[5..100], .. a, .. b[^2_000_000..], .. a[10..10]];
        foreach (var (levels, inNamespace) in new[] { (0, "data"), (2, "data/"), (1, "") })
        {
            var request = new DefragRequest(
            [
                new Block("data/b", 5, 95),
                new Block("data/aa/a", 0, 1000),
                new Block("data/b", b.Length - 2_000_000, 2_000_000),
                new Block("data/aa/a", 10, 0),
            ])
            {
                Algorithm = HashKind.Sha256,
                Namespace = inNamespace,
                Levels = levels,
            };
            var hash = HashKind.Sha256.ComputeHex(expected);
            var name = Nesting.Nest(inNamespace.Length > 0 ? $"data/{hash}" : hash, levels);
            Assert.Equal(name, await Store.DefragAsync(request, Ct));
            Assert.Equal(expected, await LoadAsync(name));
            Assert.True(await Store.DeleteAsync(name, Ct));
        }
        await AssertOnlyFilesAsync("data/aa/a", "data/b");
    }

    [Fact]
    public async Task Defrag_into_a_named_item_replaces_it_only_in_overwrite_mode()
    {
        await StoreAsync("data/a", [1, 2, 3, 4]);
        var request = new DefragRequest([new Block("data/a", 2, 2), new Block("data/a", 0, 1)]) { Target = "packs/00/new" };
        Assert.Equal("packs/00/new", await Store.DefragAsync(request with { Mode = StoreMode.CreateNew }, Ct));
        Assert.Equal([3, 4, 1], await LoadAsync("packs/00/new"));
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.DefragAsync(request with { Mode = StoreMode.CreateNew }, Ct).AsTask());
        Assert.Equal("data/a", await Store.DefragAsync(request with { Target = "data/a" }, Ct));
        Assert.Equal([3, 4, 1], await LoadAsync("data/a"));
        await AssertOnlyFilesAsync("data/a", "packs/00/new");
    }

    [Fact]
    public async Task Defrag_of_no_blocks_creates_an_empty_item()
    {
        Assert.Equal("data/empty", await Store.DefragAsync(new DefragRequest([]) { Target = "data/empty" }, Ct));
        Assert.Equal(Array.Empty<byte>(), await LoadAsync("data/empty"));
    }

    [Theory]
    [InlineData(0, 101)]
    [InlineData(100, 1)]
    [InlineData(101, 0)]
    [InlineData(1, long.MaxValue)]
    public async Task Defrag_rejects_a_block_that_exceeds_its_value(long offset, long length)
    {
        await StoreAsync("data/a", Bytes(100));
        foreach (var request in new[]
        {
            new DefragRequest([new Block("data/a", 0, 100), new Block("data/a", offset, length)]) { Target = "data/new" },
            new DefragRequest([new Block("data/a", offset, length)]) { Algorithm = HashKind.Sha256, Namespace = "data", Levels = 1 },
        })
        {
            var error = await AssertFailsAsync(StoreError.ReadRange, () => Store.DefragAsync(request, Ct).AsTask());
            Assert.Contains("data/a", error.Message, StringComparison.Ordinal);
        }
        await AssertOnlyFilesAsync("data/a");
    }

    [Theory]
    [InlineData("data", 6)]
    [InlineData("data", 0)]
    [InlineData("", 0)]
    public async Task Defrag_rejects_a_hash_that_is_too_long_for_a_name(string ns, int levels)
    {
        await StoreAsync("data/a", Bytes(100));
        var request = new DefragRequest([new Block("data/a", 0, 100)])
        {
            Algorithm = levels > 0 ? HashKind.Parse("sha384") : HashKind.Parse("sha512"),
            Namespace = ns,
            Levels = levels,
        };
        var error = await AssertFailsAsync(StoreError.InvalidName, () => Store.DefragAsync(request, Ct).AsTask());
        Assert.Contains("more than", error.Message, StringComparison.Ordinal);
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task Defrag_rejects_missing_sources_and_a_request_without_a_target()
    {
        await StoreAsync("data/a", Bytes(100));
        var error = await AssertFailsAsync(StoreError.ObjectNotFound, () => Store.DefragAsync(
            new DefragRequest([new Block("data/a", 0, 100), new Block("data/none", 0, 1)]) { Target = "data/new" }, Ct).AsTask());
        Assert.Contains("data/none", error.Message, StringComparison.Ordinal);
        await AssertFailsAsync(StoreError.InvalidArgument, () => Store.DefragAsync(new DefragRequest([new Block("data/a", 0, 100)]), Ct).AsTask());
        await AssertOnlyFilesAsync("data/a");
    }
}
