using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Portable;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Backends.Files;

/// <summary>The files on disk are the same that the Python package writes and reads.</summary>
public sealed class FileLayoutTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TestDirectory _directory = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> GoldenStores { get; } = [.. ReadExpected().EnumerateObject().Select(store => store.Name)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(GoldenStores))]
    public async Task Stores_written_by_the_Python_package_are_listed_and_read(string store)
    {
        var path = Extract(store);
        var before = TestDirectory.FilesBelow(path).ToList();
        await using (var backend = await OpenAsync(path))
        {
            var listed = new List<string>();
            await foreach (var item in backend.ListAsync("", ListScope.Tree, Ct)) listed.Add(item.Name);

            var expected = ReadExpected().GetProperty(store).GetProperty("items").EnumerateArray().ToList();
            Assert.Equal(expected.Select(item => item.GetProperty("path").GetString()!)
                .Where(name => Path.GetExtension(name) is not (".tmp" or ".hid")).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
            foreach (var item in expected.Where(item => listed.Contains(item.GetProperty("path").GetString()!)))
            {
                var name = item.GetProperty("path").GetString()!;
                Assert.Equal(item.GetProperty("size").GetInt64(), (await backend.FindAsync(name, Ct))!.Value.Size);
                foreach (var hash in item.GetProperty("hashes").EnumerateObject())
                    Assert.Equal(hash.Value.GetString(), await backend.HashAsync(name, HashKind.Parse(hash.Name), Ct));
            }
        }
        Assert.Equal(before, TestDirectory.FilesBelow(path));
    }

    [Fact]
    public async Task Unfinished_values_of_the_Python_package_are_found_and_removed()
    {
        var path = Extract("leftovers");
        await using var backend = await OpenAsync(path);
        var found = new List<TemporaryItem>();
        File.SetLastWriteTimeUtc(Path.Combine(path, "data/tmpk3x9a.tmp"), DateTime.UtcNow.AddHours(-2));
        await foreach (var item in backend.ListTemporaryAsync(TimeSpan.FromHours(3), Ct)) found.Add(item);
        Assert.Empty(found);

        await foreach (var item in backend.ListTemporaryAsync(TimeSpan.FromHours(1), Ct)) found.Add(item);
        var leftover = Assert.Single(found);
        Assert.Equal("data/tmpk3x9a.tmp", leftover.Id);
        Assert.False(await backend.DeleteTemporaryAsync(leftover with { LastWriteTime = leftover.LastWriteTime.AddHours(-1) }, Ct));
        Assert.True(await backend.DeleteTemporaryAsync(leftover, Ct));
        Assert.False(await backend.DeleteTemporaryAsync(leftover, Ct));
        Assert.False(File.Exists(Path.Combine(path, leftover.Id)));
        foreach (var id in new[] { "../x.tmp", "data/a", "/x.tmp", "data/../../x.tmp" })
            await Assert.ThrowsAsync<StoreException>(() => backend.DeleteTemporaryAsync(new TemporaryItem(id, 0, DateTime.UtcNow), Ct).AsTask());
    }

    [Fact]
    public async Task The_quota_usage_of_the_Python_package_is_continued()
    {
        var path = Extract("quota");
        await using (var backend = new FileBackend(path, new BackendOptions { Quota = 100_000 }))
        {
            await backend.OpenAsync(Ct);
            var used = long.Parse(await File.ReadAllTextAsync(Path.Combine(path, "quota.hid"), Ct));
            Assert.Equal(new QuotaInfo(100_000, used), await backend.GetQuotaAsync(Ct));
            await backend.StoreAsync("data/new", new byte[100], StoreMode.Overwrite, Ct);
            Assert.Equal(used + 100, (await backend.GetQuotaAsync(Ct)).Used);
        }
        Assert.Equal(DataBytes(path).ToString(), await File.ReadAllTextAsync(Path.Combine(path, "quota.hid"), Ct));
    }

    [Fact]
    public async Task Files_are_identical_to_those_of_the_Python_package()
    {
        var ours = _directory["ours"];
        var names = new[] { "config/readme", "data/01/23/0123", "data/01/23/0123.del", "top" };
        await using (var backend = new FileBackend(ours))
        {
            await backend.CreateAsync(Ct);
            await backend.OpenAsync(Ct);
            foreach (var name in names) await backend.StoreAsync(name, System.Text.Encoding.ASCII.GetBytes(name), StoreMode.Overwrite, Ct);
        }
        Assert.Equal(names.Order(StringComparer.Ordinal), TestDirectory.FilesBelow(ours));
        foreach (var name in names)
        {
            Assert.Equal(name, await File.ReadAllTextAsync(Path.Combine(ours, name), Ct));
            Assert.Equal(OwnerOnly, ModeOf(Path.Combine(ours, name)));
        }

        var python = PythonPeer.Require("borgstore");
        var theirs = _directory["theirs"];
        var script = """
            import os, sys
            from borgstore.backends.posixfs import PosixFS
            ours, theirs, *names = sys.argv[1:]
            with PosixFS(ours) as backend:
                for name in names:
                    assert backend.load(name) == name.encode(), name
                assert sorted(item.name for item in backend.list("data/01/23")) == ["0123", "0123.del"]
            other = PosixFS(theirs)
            other.create()
            with other:
                for name in names:
                    other.store(name, name.encode())
            """;
        Assert.Null(await PythonPeer.RunAsync(python, script, [ours, theirs, .. names]));
        Assert.Equal(Describe(theirs), Describe(ours));

        static IEnumerable<string> Describe(string store) => Directory.EnumerateFileSystemEntries(store, "*", SearchOption.AllDirectories)
            .Select(entry => $"{Path.GetRelativePath(store, entry)} {ModeOf(entry)} {(File.Exists(entry) ? File.ReadAllText(entry) : "")}")
            .Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Defrag_creates_the_same_item_as_the_Python_package()
    {
        var path = Extract("defrag");
        var expected = ReadExpected().GetProperty("defrag").GetProperty("defrag");
        var target = expected.GetProperty("target").GetString()!;
        var made = Nesting.Nest($"packs/{target}", 1);
        var original = await File.ReadAllBytesAsync(Path.Combine(path, made), Ct);
        File.Delete(Path.Combine(path, made));
        await using var backend = await OpenAsync(path);
        var sources = expected.GetProperty("sources").EnumerateArray()
            .Select(source => new Block(Nesting.Nest($"packs/{source[0].GetString()}", 1), source[1].GetInt64(), source[2].GetInt64()));
        Assert.Equal(made, await backend.DefragAsync(
            new DefragRequest([.. sources]) { Algorithm = HashKind.Sha256, Namespace = "packs", Levels = 1 }, Ct));
        Assert.Equal(original, await File.ReadAllBytesAsync(Path.Combine(path, made), Ct));
    }

    [Fact]
    public async Task Usage_stays_correct_when_the_Python_package_writes_too()
    {
        var python = PythonPeer.Require("borgstore");
        var path = _directory["store"];
        await using var backend = new FileBackend(path, new BackendOptions { Quota = 100_000 });
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        var script = """
            import sys
            from borgstore.backends.posixfs import PosixFS
            path, quota, name = sys.argv[1:]
            with PosixFS(path, quota=int(quota) or None) as backend:
                backend.store("data/" + name, bytes(1000))
                backend.store("data/" + name, bytes(700))
                backend.store("data/gone", bytes(10))
                backend.delete("data/gone")
            """;
        // Python with a quota replaces the number when it closes; without one, it deletes the number when it opens.
        foreach (var (name, quota) in new[] { ("a", "100000"), ("b", "100000"), ("c", "0"), ("d", "100000") })
        {
            await backend.StoreAsync("data/ours-" + name, new byte[123], StoreMode.Overwrite, Ct);
            Assert.Null(await PythonPeer.RunAsync(python, script, [path, quota, name]));
            Assert.Equal(DataBytes(path), (await backend.GetQuotaAsync(Ct)).Used);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Destroy_does_not_follow_links(bool portable)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Links need a privilege on Windows.");
        Directory.CreateDirectory(_directory["outside/below"]);
        await File.WriteAllTextAsync(_directory["outside/below/precious"], "", Ct);
        await using var backend = new FileBackend(_directory["store"], null, CreateFileSystem(portable));
        await backend.CreateAsync(Ct);
        Directory.CreateDirectory(_directory["store/data"]);
        Directory.CreateSymbolicLink(_directory["store/data/link"], _directory["outside"]);
        File.CreateSymbolicLink(_directory["store/data/broken"], _directory["nowhere"]);
        await backend.DestroyAsync(Ct);
        Assert.True(File.Exists(_directory["outside/below/precious"]));
        Assert.False(Directory.Exists(_directory["store"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Values_are_accessible_only_to_their_owner_whatever_the_umask(bool portable)
    {
        await using var backend = new FileBackend(_directory["store"], null, CreateFileSystem(portable));
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        await backend.StoreAsync("data/a", new byte[1], StoreMode.Overwrite, Ct);
        Assert.Equal(OwnerOnly, ModeOf(_directory["store/data/a"]));
    }

    private static Func<string, FileSystem> CreateFileSystem(bool portable) => root => portable ? new PortableFileSystem(root) : FileSystem.For(root);

    // Windows has no modes.
    private static UnixFileMode ModeOf(string path) => OperatingSystem.IsWindows() ? OwnerOnly : File.GetUnixFileMode(path);

    private static long DataBytes(string path) => TestDirectory.FilesBelow(path).Where(file => !file.EndsWith(".hid", StringComparison.Ordinal))
        .Sum(file => new FileInfo(Path.Combine(path, file)).Length);

    private static JsonElement ReadExpected()
        => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data/golden/expected.json"))).RootElement;

    private static async Task<FileBackend> OpenAsync(string path)
    {
        var backend = new FileBackend(path);
        await backend.OpenAsync(Ct);
        return backend;
    }

    private string Extract(string store)
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"data/golden/{store}.tar.gz"));
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unzipped, _directory.Path, overwriteFiles: false);
        return _directory[store];
    }
}
