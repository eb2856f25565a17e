using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Tests.Backends;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Rclone;

/// <summary>The contract on a folder of this machine that rclone accesses in various ways.</summary>
public abstract class RcloneContract(string parent) : BackendContract
{
    /// <summary>The name of the store's folder.</summary>
    protected string Name { get; } = "store-" + Guid.NewGuid().ToString("n");

    /// <summary>The folder of the store.</summary>
    protected string Folder => Path.Combine(parent, Name);

    /// <summary>The part of the URL after <c>rclone:</c> for the folder.</summary>
    protected abstract string Remote { get; }

    protected override bool Copies(StoreMode mode) => true;

    protected override ValueTask<IBackend> CreateBackendAsync()
    {
        RcloneProgram.Require();
        return new(new RcloneBackend("rclone:" + Remote));
    }

    protected override ValueTask CleanUpAsync()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    protected override string? RawFolder => Folder;

    [Fact]
    public async Task A_value_of_the_same_size_and_time_is_replaced_too()
    {
        for (byte i = 0; i < 5; i++)
        {
            await StoreAsync("data/a", [i, i, i]);
            Assert.Equal(new[] { i, i, i }, await LoadAsync("data/a"));
            await StoreAsync("data/b", [i, 1, i]);
            Assert.True(await Store.MoveAsync("data/b", "data/a", StoreMode.Overwrite, Ct));
            Assert.Equal(new byte[] { i, 1, i }, await LoadAsync("data/a"));
        }
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task Leftovers_of_a_crash_are_found_and_removed()
    {
        await StoreAsync("data/a", [1]);
        await PutRawAsync("data/0123456789abcdef.tmp", new byte[10]);
        await Task.Delay(1100, Ct);
        var found = new List<TemporaryItem>();
        await foreach (var item in Store.ListTemporaryAsync(TimeSpan.FromHours(1), Ct)) found.Add(item);
        Assert.Empty(found);
        await foreach (var item in Store.ListTemporaryAsync(TimeSpan.FromMilliseconds(50), Ct)) found.Add(item);
        Assert.Equal(("data/0123456789abcdef.tmp", 10), (Assert.Single(found).Id, found[0].Size));
        Assert.True(await Store.DeleteTemporaryAsync(found[0], Ct));
        Assert.False(await Store.DeleteTemporaryAsync(found[0], Ct));
        await AssertFailsAsync(StoreError.InvalidName, () => Store.DeleteTemporaryAsync(new TemporaryItem("data/a", 1, default), Ct).AsTask());
        await AssertOnlyFilesAsync("data/a");
    }

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        var file = Path.Combine(Folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content, Ct);
        return true;
    }

    protected override ValueTask<IReadOnlyList<string>?> ListRawAsync() => new(
        [.. Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Folder, file).Replace('\\', '/'))]);
}

public sealed class RcloneLocalTests() : RcloneContract(Path.GetTempPath())
{
    protected override string Remote => Folder;

    protected override ValueTask<bool> PutRawLinkAsync(string path, string target) => MakeLink(Path.Combine(Folder, path), target);
}

public sealed class RcloneAliasTests() : RcloneContract(Path.GetTempPath())
{
    public override ValueTask InitializeAsync()
    {
        Assert.SkipUnless(LongTests.Wanted, "It is the same folder by another name; BORGSTORE_TEST_LONG=1 runs it.");
        return base.InitializeAsync();
    }

    protected override string Remote => $":alias,remote='{Path.GetTempPath()}':{Name}";
}

/// <summary>An object store in rclone's memory, which lists whole trees and has no directories.</summary>
public sealed class RcloneMemoryTests : BackendContract
{
    private readonly string _bucket = Guid.NewGuid().ToString("n");

    protected override BackendLimits Limits => BackendLimits.NoDirectories;

    protected override bool Copies(StoreMode mode) => true;

    protected override ValueTask<IBackend> CreateBackendAsync()
    {
        RcloneProgram.Require();
        return new(new RcloneBackend($"rclone::memory:{_bucket}/"));
    }
}

/// <summary>A folder behind a server on the network, like all other rclone remotes.</summary>
public abstract class RcloneServedTests(RcloneServing server) : RcloneContract(server.Folder)
{
    // Rclone deliberately slows down requests to some servers.
    private static readonly string[] SlowTests =
    [
        nameof(A_listing_of_many_items_is_complete), nameof(After_many_concurrent_operations_each_item_has_its_last_state),
        nameof(One_of_many_concurrent_creators_of_an_item_wins), nameof(Hash_matches_the_value_for_every_algorithm),
        nameof(Items_deleted_during_a_listing_do_not_make_it_fail),
    ];

    // Versions before 1.63 delete the target before they move on these remotes.
    protected override BackendLimits Limits => BackendLimits.NoAtomicReplacement;

    public override ValueTask InitializeAsync()
    {
        Assert.SkipWhen(
            SlowTests.Contains(TestContext.Current.TestMethod?.MethodName) && !LongTests.Wanted,
            "It takes long over the network; BORGSTORE_TEST_LONG=1 runs it.");
        return base.InitializeAsync();
    }
}

public sealed class WebdavServing() : RcloneServing("webdav");

public sealed class RcloneWebdavTests(WebdavServing server) : RcloneServedTests(server), IClassFixture<WebdavServing>
{
    protected override string? WholeElsewhere => "the remotes local and memory";

    protected override string Remote => $":webdav,url='http://127.0.0.1:{server.Port}/':{Name}";

    public override ValueTask InitializeAsync()
    {
        Assert.SkipWhen(TestContext.Current.TestMethod?.MethodName == nameof(Creating_a_directory_below_an_item_fails),
            "Rclone takes the refusal of a WebDAV server for a directory that is there already.");
        return base.InitializeAsync();
    }
}

// Without the cache, the server restores a file that is deleted while it is open for writing.
public sealed class SftpServing() : RcloneServing(
    "sftp", "--user", "me", "--pass", "secret", "--vfs-cache-mode", "writes", "--vfs-write-back", "0s");

public sealed class RcloneSftpTests(SftpServing server) : RcloneServedTests(server), IClassFixture<SftpServing>
{
    // Rclone itself would transfer the value.
    protected override bool Copies(StoreMode mode) => false;

    protected override string? WholeElsewhere => "the remotes local and memory";

    // The password is "secret", obscured by rclone.
    protected override string Remote => $":sftp,host=127.0.0.1,port={server.Port},user=me,pass=8_JpXsp-O7HghqCJNc1224E6DgnOcw:{Name}";
}

/// <summary>An object store on the network.</summary>
public sealed class RcloneS3Tests(CephServer ceph) : BackendContract
{
    protected override string? WholeElsewhere => "the remotes local and memory";

    private readonly string _prefix = "rclone-" + Guid.NewGuid().ToString("n");
    private CephServer.Running? _server;

    protected override BackendLimits Limits => BackendLimits.NoDirectories;

    protected override bool Copies(StoreMode mode) => true;

    protected override async ValueTask<IBackend> CreateBackendAsync()
    {
        RcloneProgram.Require();
        _server ??= await ceph.GetAsync();
        return new RcloneBackend($"rclone::s3,provider=Ceph,endpoint='{_server.Endpoint.GetLeftPart(UriPartial.Authority)}',"
            + $"access_key_id='{_server.AccessKey}',secret_access_key='{_server.SecretKey}':{CephServer.BucketName}/{_prefix}");
    }

    [Fact]
    public async Task A_copy_by_the_storage_loads_nothing()
    {
        await StoreAsync("data/a", Bytes(1 << 20));
        var requests = await _server!.LogAsync(_prefix, async () => Assert.Equal(1 << 20, await Store.CopyFromAsync(Store.FindOrigin("data/a")!, "data/b", StoreMode.Overwrite, Ct)));
        Assert.DoesNotContain(requests, request => request.StartsWith("GET", StringComparison.Ordinal) && request.Contains("data/a", StringComparison.Ordinal));
        Assert.Contains(requests, request => request.StartsWith("PUT", StringComparison.Ordinal));
        Assert.Equal(Bytes(1 << 20), await LoadAsync("data/b"));
    }

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        await _server!.PutAsync($"{_prefix}/{path}", content);
        return true;
    }

    protected override async ValueTask<IReadOnlyList<string>?> ListRawAsync()
        => [.. (await _server!.ListAsync(_prefix + "/")).Select(key => key[(_prefix.Length + 1)..]).Where(name => name != "store.hid")];
}
