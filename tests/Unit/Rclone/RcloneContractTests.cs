using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Rclone;

/// <summary>The contract on a folder of this machine that rclone reaches in one way or another.</summary>
public abstract class RcloneContract(string parent) : BackendContract
{
    /// <summary>The name of the store's folder below its parent.</summary>
    protected string Name { get; } = "store-" + Guid.NewGuid().ToString("n");

    /// <summary>The folder of the store.</summary>
    protected string Folder => Path.Combine(parent, Name);

    /// <summary>What stands behind <c>rclone:</c> for the folder.</summary>
    protected abstract string Remote { get; }

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
}

public sealed class RcloneAliasTests() : RcloneContract(Path.GetTempPath())
{
    protected override string Remote => $":alias,remote='{Path.GetTempPath()}':{Name}";
}

/// <summary>An object store in the memory of rclone, which lists trees at once and has no directories.</summary>
public sealed class RcloneMemoryTests : BackendContract
{
    private readonly string _bucket = Guid.NewGuid().ToString("n");

    protected override BackendLimits Limits => BackendLimits.NoDirectories;

    protected override ValueTask<IBackend> CreateBackendAsync()
    {
        RcloneProgram.Require();
        return new(new RcloneBackend($"rclone::memory:{_bucket}/"));
    }
}

/// <summary>A folder behind a server that is reached over the network, as all other stores of rclone's are.</summary>
public abstract class RcloneServedTests(RcloneServing server) : RcloneContract(server.Folder)
{
    // Rclone is slow with some servers by intention, and waits between requests.
    private static readonly string[] LongTests =
    [
        nameof(Many_items_are_listed_completely), nameof(A_storm_of_operations_leaves_what_was_last_done),
        nameof(Of_many_who_create_an_item_at_once_one_wins), nameof(Every_hash_is_that_of_the_value),
        nameof(What_vanishes_while_a_listing_runs_is_no_failure),
    ];

    // Versions before 1.63 delete before they move on these.
    protected override BackendLimits Limits => BackendLimits.NoAtomicReplacement;

    public override ValueTask InitializeAsync()
    {
        Assert.SkipWhen(
            LongTests.Contains(TestContext.Current.TestMethod?.MethodName) && Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") != "1",
            "It takes long over the network; BORGSTORE_TEST_LONG=1 runs it.");
        return base.InitializeAsync();
    }
}

public sealed class WebdavServing() : RcloneServing("webdav");

public sealed class RcloneWebdavTests(WebdavServing server) : RcloneServedTests(server), IClassFixture<WebdavServing>
{
    protected override string Remote => $":webdav,url='http://127.0.0.1:{server.Port}/':{Name}";
}

// Without the cache the server keeps a file that is removed while it is open for writing.
public sealed class SftpServing() : RcloneServing(
    "sftp", "--user", "me", "--pass", "secret", "--vfs-cache-mode", "writes", "--vfs-write-back", "0s");

public sealed class RcloneSftpTests(SftpServing server) : RcloneServedTests(server), IClassFixture<SftpServing>
{
    // The password is "secret" as rclone obscures it.
    protected override string Remote => $":sftp,host=127.0.0.1,port={server.Port},user=me,pass=8_JpXsp-O7HghqCJNc1224E6DgnOcw:{Name}";
}
