using BorgStore.Backends;
using BorgStore.Backends.S3;

namespace BorgStore.Tests.S3;

/// <summary>Keys: what a name may hold, and what else may lie below the path of a store.</summary>
public sealed class S3KeyTests(CephServer ceph) : S3Test(ceph)
{
    [Theory]
    [InlineData("s3", "a path/ä+&='()%23")]
    [InlineData("b2", "plain")]
    public async Task Every_name_makes_its_way(string scheme, string path)
    {
        var url = $"{scheme}{Server.UrlOf($"{Path}/{path}", bucket: Bucket)[2..]}";
        await using (var creator = S3Backend.Create(url, new())) await creator.CreateAsync(Ct);
        await using var backend = S3Backend.Create(url, new());
        await backend.OpenAsync(Ct);

        string[] names = ["data/a!b#c$d%e&f'g", "data/(h)+i,j-k.l;m=n@o", "data/[p]^q_r`s{t}~u", "data/%41%2f", "data/v/w+x"];
        foreach (var name in names) await backend.StoreAsync(name, Bytes(name.Length), StoreMode.CreateNew, Ct);
        var listed = await backend.ListAsync("", ListScope.Tree, Ct).Select(item => item.Name).ToListAsync(Ct);
        Assert.Equal(names.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        foreach (var name in names)
        {
            Assert.True(await backend.MoveAsync(name, name + "-1", StoreMode.Overwrite, Ct));
            Assert.True(await backend.MoveAsync(name + "-1", name + "-2", StoreMode.CreateNew, Ct));
            await using var value = await backend.LoadAsync(name + "-2", default, Ct);
            Assert.Equal(Bytes(name.Length), await value!.ReadToEndAsync(Ct));
        }
        // A large one is copied by its parts; one with a '%' brings down the gateway of Ceph 16 there.
        await backend.StoreAsync(names[1], Bytes(12_000_000), StoreMode.Overwrite, Ct);
        await backend.DefragAsync(new([new(names[1], 0, 12_000_000)]) { Target = names[0] }, Ct);
        Assert.True(await backend.DeleteAsync(names[1], Ct));
        Assert.Empty(await backend.DeleteManyAsync([names[0], .. names.Select(name => name + "-2")], Ct));
        Assert.Empty(await backend.ListAsync("", ListScope.Tree, Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task A_prefix_that_holds_anything_is_taken()
    {
        await Server.PutAsync($"{Path}-new/anything", []);
        await using var taken = S3Backend.Create(Server.UrlOf($"{Path}-new"), new());
        var failure = await AssertFailsAsync(StoreError.StoreAlreadyExists, () => taken.CreateAsync(Ct));
        Assert.Contains("Choose", failure.Message, StringComparison.Ordinal);
        Assert.Equal([$"{Path}-new/anything"], await Server.ListAsync($"{Path}-new"));

        // What only begins alike is not below it.
        await using var free = S3Backend.Create(Server.UrlOf($"{Path}-n"), new());
        await AssertFailsAsync(StoreError.StoreDoesNotExist, () => free.OpenAsync(Ct));
        await free.CreateAsync(Ct);
        await free.DestroyAsync(Ct);
        Assert.Equal([$"{Path}-new/anything"], await Server.ListAsync($"{Path}-n"));
        await taken.DestroyAsync(Ct);
    }

    [Fact]
    public async Task Markers_are_never_required()
    {
        await Server.PutAsync($"{Path}-bare/data/ab/abc", Bytes(10));
        await using var bare = S3Backend.Create(Server.UrlOf($"{Path}-bare"), new());
        await bare.OpenAsync(Ct);
        Assert.Equal(["data/ab/abc"], await bare.ListAsync("", ListScope.Tree, Ct).Select(item => item.Name).ToListAsync(Ct));
        Assert.Equal([new("ab", 0, IsDirectory: true)], await bare.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
        await bare.StoreAsync("data/cd/cde", Bytes(10), StoreMode.Overwrite, Ct);
        Assert.Equal([$"{Path}-bare/data/ab/abc", $"{Path}-bare/data/cd/cde"], await Server.ListAsync($"{Path}-bare/"));
        Assert.Empty(await bare.DeleteManyAsync(["data/ab/abc", "data/cd/cde"], Ct));
    }

    // XML has no words for some of them.
    [Fact]
    public async Task Keys_of_others_are_deleted_too()
    {
        string[] readable = ["<&>\"'", "a\u0001b", "tab\tand\r\nline"];
        string[] keys = ["", "\u00e4\u00a0\u20ac", "a//b", "./../c", "\u0002 B", .. readable];
        foreach (var key in keys) await Server.PutAsync($"{Path}-odd/{key}", []);
        await using (var odd = S3Backend.Create(Server.UrlOf($"{Path}-odd"), new()))
        {
            await odd.OpenAsync(Ct);
            Assert.Equal(readable, await odd.ListAsync("", ListScope.Tree, Ct).Select(item => item.Name).ToListAsync(Ct));
            Assert.Empty(await odd.DeleteManyAsync(readable, Ct));
            Assert.Empty(await odd.ListAsync("", ListScope.Tree, Ct).ToListAsync(Ct));
        }
        await using var destroyer = S3Backend.Create(Server.UrlOf($"{Path}-odd"), new());
        await destroyer.DestroyAsync(Ct);
        Assert.Empty((await Server.Client.ListObjectsV2Async(new() { BucketName = Bucket, Prefix = $"{Path}-odd/", Encoding = Amazon.S3.EncodingType.Url }, Ct)).S3Objects ?? []);
    }
}
