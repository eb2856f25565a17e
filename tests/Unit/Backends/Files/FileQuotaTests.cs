using System.Globalization;
using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;
using BorgStore.Backends.Files.Quota;
using BorgStore.Hashing;
using BorgStore.Tests.Answers;

namespace BorgStore.Tests.Backends.Files;

public sealed class LinuxFileQuotaTests : FileQuotaTests
{
    internal override FileSystem CreateFileSystem(string root)
    {
        if (!LinuxFileSystem.IsSupported) Assert.Skip("The system calls of Linux are on Linux only.");
        return new LinuxFileSystem(root);
    }
}

public sealed class PortableFileQuotaTests : FileQuotaTests
{
    internal override FileSystem CreateFileSystem(string root) => new PortableFileSystem(root);
}

public abstract class FileQuotaTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Number => _directory["store/quota.hid"];

    private string Mark => _directory["store/" + QuotaSession.FileName];

    // If the values of all writers could not be synced, they are counted after the next boot. Only Linux can tell boots apart.
    private bool MarkStays => OperatingSystem.IsLinux() && !CreateFileSystem(_directory["store"]).SyncsAll;

    internal abstract FileSystem CreateFileSystem(string root);

    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_copy_by_the_file_system_is_counted_and_refused_like_a_store()
    {
        await using var backend = await OpenAsync(200_000);
        await StoreAsync(backend, "data/a", 80_000);
        var origin = backend.FindOrigin("data/a")!;
        Assert.SkipWhen(await backend.CopyFromAsync(origin, "data/b", StoreMode.Overwrite, Ct) is null, "These system calls do not copy.");
        Assert.Equal(160_000, (await backend.GetQuotaAsync(Ct)).Used);
        Assert.Equal(80_000, await backend.CopyFromAsync(origin, "data/b", StoreMode.Overwrite, Ct));
        Assert.Equal("160000", await File.ReadAllTextAsync(Number, Ct));
        var error = await Assert.ThrowsAsync<StoreException>(() => backend.CopyFromAsync(origin, "data/c", StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(StoreError.QuotaExceeded, error.Error);
        Assert.Null(await backend.FindAsync("data/c", Ct));
        Assert.Equal(160_000, (await backend.GetQuotaAsync(Ct)).Used);
    }

    [Fact]
    public async Task Every_change_updates_the_usage()
    {
        await using var backend = await OpenAsync(10_000);
        await StoreAsync(backend, "data/a", 1000);
        await StoreAsync(backend, "data/b", 500);
        Assert.Equal(new QuotaInfo(10_000, 1500), await backend.GetQuotaAsync(Ct));
        Assert.Equal("1500", await File.ReadAllTextAsync(Number, Ct));

        await StoreAsync(backend, "data/a", 10);
        await backend.MoveAsync("data/a", "data/a.del", StoreMode.Overwrite, Ct);
        Assert.Equal(510, (await backend.GetQuotaAsync(Ct)).Used);
        await backend.MoveAsync("data/a.del", "data/b", StoreMode.Overwrite, Ct);
        Assert.Equal("10", await File.ReadAllTextAsync(Number, Ct));

        await backend.DefragAsync(new DefragRequest([new Block("data/b", 0, 10), new Block("data/b", 5, 5)])
        {
            Algorithm = HashKind.Sha256,
            Namespace = "data",
            Levels = 1,
        }, Ct);
        await backend.DefragAsync(new DefragRequest([new Block("data/b", 0, 3)]) { Target = "data/b" }, Ct);
        Assert.Equal(18, (await backend.GetQuotaAsync(Ct)).Used);
        await backend.DeleteAsync("data/b", Ct);
        await backend.DeleteAsync("data/none", Ct);
        Assert.Equal(15, (await backend.GetQuotaAsync(Ct)).Used);
    }

    [Fact]
    public async Task A_value_over_the_quota_is_rejected_and_leaves_no_files()
    {
        await using var backend = await OpenAsync(1_000_000);
        await StoreAsync(backend, "data/a", 999_000);
        foreach (var size in new[] { 1001, 500_000 })
        {
            var exception = await Assert.ThrowsAsync<StoreException>(() => StoreAsync(backend, "data/b", size));
            Assert.Equal(StoreError.QuotaExceeded, exception.Error);
            foreach (var part in new[] { "1000000", "999000", size.ToString(CultureInfo.InvariantCulture) })
                Assert.Contains(part, exception.Message, StringComparison.Ordinal);
        }
        var defrag = new DefragRequest([new Block("data/a", 0, 2000)]);
        foreach (var request in new[] { defrag with { Target = "data/c" }, defrag with { Algorithm = HashKind.Sha256, Namespace = "data" } })
            Assert.Equal(StoreError.QuotaExceeded,
                (await Assert.ThrowsAsync<StoreException>(() => backend.DefragAsync(request, Ct).AsTask())).Error);
        await StoreAsync(backend, "data/b", 1000);
        await StoreAsync(backend, "data/a", 999_000);
        Assert.Equal(["data/a", "data/b", QuotaSession.FileName, "quota.hid"], TestDirectory.FilesBelow(_directory["store"]));
    }

    [Fact]
    public async Task A_store_over_its_quota_can_shrink()
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 5000);
        await using var smaller = await OpenAsync(1000, create: false);
        await Assert.ThrowsAsync<StoreException>(() => StoreAsync(smaller, "data/b", 1));
        await StoreAsync(smaller, "data/a", 4000);
        await smaller.DeleteAsync("data/a", Ct);
        await StoreAsync(smaller, "data/b", 1000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?500")]
    [InlineData("-5")]
    [InlineData("+5")]
    [InlineData("-0")]
    [InlineData(" 5")]
    [InlineData("0x5")]
    [InlineData("12 apples")]
    [InlineData("99999999999999999999999")]
    [InlineData(null)]
    public async Task An_invalid_usage_file_triggers_a_recount(string? content)
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 1500);
        File.Delete(Number);
        if (content is not null) await File.WriteAllTextAsync(Number, content, Ct);
        await File.WriteAllBytesAsync(_directory["store/data/x.tmp"], new byte[77], Ct);
        await using var again = await OpenAsync(10_000, create: false);
        Assert.Equal(1500, (await again.GetQuotaAsync(Ct)).Used);
        await StoreAsync(again, "data/b", 1);
        Assert.Equal("1501", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task No_mutated_usage_file_is_misread()
    {
        await using var backend = await OpenAsync(10_000);
        await StoreAsync(backend, "data/a", 7);
        for (var seed = 0; seed < LongTests.Choose(500, 1_000_000); seed++)
        {
            var content = Mutation.Of("000012345678901234567890"u8[(seed % 24)..].ToArray(), new Random(seed));
            await File.WriteAllBytesAsync(Number, content, Ct);
            var isNumber = content.Length is > 0 and <= 20 && content.All(digit => char.IsAsciiDigit((char)digit))
                && long.TryParse(content, System.Globalization.CultureInfo.InvariantCulture, out _);
            var expected = isNumber ? long.Parse(content, System.Globalization.CultureInfo.InvariantCulture) : 7;
            Assert.True((await backend.GetQuotaAsync(Ct)).Used == expected, $"Seed {seed}");
        }
    }

    [Theory]
    [InlineData("7")]
    [InlineData("a line that is not to be lost\n")]
    [InlineData(null)]
    public async Task A_usage_file_that_is_a_link_is_replaced_without_writing_to_its_target(string? content)
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 1500);
        var victim = _directory["victim"];
        if (content is not null) await File.WriteAllTextAsync(victim, content, Ct);
        File.Delete(Number);
        File.CreateSymbolicLink(Number, victim);
        await using var again = await OpenAsync(10_000, create: false);
        Assert.Equal(1500, (await again.GetQuotaAsync(Ct)).Used);
        await StoreAsync(again, "data/b", 1);
        Assert.Null(new FileInfo(Number).LinkTarget);
        Assert.Equal("1501", await File.ReadAllTextAsync(Number, Ct));
        Assert.Equal(content, File.Exists(victim) ? await File.ReadAllTextAsync(victim, Ct) : null);

        // The same while the store is open.
        File.Delete(Number);
        File.CreateSymbolicLink(Number, victim);
        await StoreAsync(again, "data/c", 1);
        Assert.Equal("1502", await File.ReadAllTextAsync(Number, Ct));
        Assert.Equal(content, File.Exists(victim) ? await File.ReadAllTextAsync(victim, Ct) : null);
    }

    [Fact]
    public async Task A_session_marker_that_is_a_link_is_replaced_and_its_target_is_kept()
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 1500);
        File.Delete(Mark);
        var (victim, dangling) = (_directory["victim"], _directory["dangling"]);
        await File.WriteAllTextAsync(victim, "a line that is not to be lost", Ct);
        File.CreateSymbolicLink(Mark, dangling);
        File.CreateSymbolicLink(_directory["store/quota-session-of-another-start.hid"], victim);
        await using (var again = await OpenAsync(10_000, create: false))
        {
            await StoreAsync(again, "data/b", 1);
            Assert.True(File.Exists(Mark));
            Assert.Null(new FileInfo(Mark).LinkTarget);
        }
        Assert.False(File.Exists(dangling));
        Assert.Equal("a line that is not to be lost", await File.ReadAllTextAsync(victim, Ct));
    }

    [Fact]
    public async Task A_usage_file_replaced_or_deleted_by_another_program_is_noticed()
    {
        await using var backend = await OpenAsync(10_000);
        await StoreAsync(backend, "data/a", 1500);
        // Like the Python package, replaces the file with a new one.
        await File.WriteAllTextAsync(_directory["store/new"], "2000", Ct);
        File.Move(_directory["store/new"], Number, overwrite: true);
        await StoreAsync(backend, "data/b", 1);
        Assert.Equal("2001", await File.ReadAllTextAsync(Number, Ct));
        File.Delete(Number);
        await StoreAsync(backend, "data/c", 1);
        Assert.Equal("1502", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task After_a_power_cut_the_values_are_recounted()
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 1500);
        Assert.Equal(MarkStays, File.Exists(Mark));

        File.Delete(Mark);
        await File.WriteAllTextAsync(Number, "7", Ct);
        var earlier = _directory["store/quota-session-of-another-start.hid"];
        await File.WriteAllTextAsync(earlier, "", Ct);
        await using (var backend = await OpenAsync(10_000, create: false))
        {
            Assert.Equal(1500, (await backend.GetQuotaAsync(Ct)).Used);
            Assert.False(File.Exists(earlier));
            await using var beside = await OpenAsync(10_000, create: false);
            await StoreAsync(beside, "data/b", 1);
            await beside.DisposeAsync();
            Assert.True(File.Exists(Mark));
        }
        Assert.Equal(MarkStays, File.Exists(Mark));
    }

    [Fact]
    public async Task Without_a_quota_an_existing_usage_file_is_kept_correct_and_none_is_created()
    {
        await using (var unlimited = await OpenAsync(null))
        {
            await StoreAsync(unlimited, "data/a", 100);
            Assert.Equal(default, await unlimited.GetQuotaAsync(Ct));
        }
        Assert.False(File.Exists(Number));
        await using (var limited = await OpenAsync(1000, create: false)) await StoreAsync(limited, "data/b", 10);
        await using (var unlimited = await OpenAsync(null, create: false))
        {
            await StoreAsync(unlimited, "data/c", 5000);
            Assert.Equal(default, await unlimited.GetQuotaAsync(Ct));
        }
        Assert.Equal("5110", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task Threads_and_backends_share_one_quota()
    {
        const long Limit = 50_000;
        await using var one = await OpenAsync(Limit);
        await using var two = await OpenAsync(Limit, create: false);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(task => Task.Run(async () =>
        {
            var backend = task % 2 == 0 ? one : two;
            var random = new Random(task);
            for (var step = 0; step < 60; step++)
                try
                {
                    if (random.Next(3) == 0) await backend.DeleteAsync($"data/{random.Next(20)}", Ct);
                    else await StoreAsync(backend, $"data/{random.Next(20)}", random.Next(9000));
                }
                catch (StoreException e) when (e.Error == StoreError.QuotaExceeded)
                {
                }
        }, Ct)));
        var bytes = Bytes();
        Assert.InRange(bytes, 0, Limit);
        Assert.Equal(bytes, (await one.GetQuotaAsync(Ct)).Used);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue - 500)]
    public async Task A_value_with_a_length_near_the_maximum_is_rejected_before_it_is_read(long announced)
    {
        await using var backend = await OpenAsync(1_000_000);
        await StoreAsync(backend, "data/a", 1000);
        using var unread = new PausedStream(1000);
        var error = await Assert.ThrowsAsync<StoreException>(() => backend.StoreAsync("data/b", new StoreValue(unread, announced), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(StoreError.QuotaExceeded, error.Error);
        Assert.False(unread.Paused.IsCompleted);
        Assert.Equal(1000, (await backend.GetQuotaAsync(Ct)).Used);
    }

    [Theory]
    [InlineData(600_000, 600_000)]
    [InlineData(900_000, 200_000)]
    public async Task Values_being_stored_count_towards_the_quota(int first, int second)
    {
        await using var backend = await OpenAsync(1_000_000);
        using var slow = new PausedStream(first);
        var storing = Task.Run(() => backend.StoreAsync("data/a", new StoreValue(slow, first), StoreMode.Overwrite, Ct).AsTask(), Ct);
        await slow.Paused.WaitAsync(Ct);

        using var refused = new PausedStream(second);
        refused.Fail();
        var exception = await Assert.ThrowsAsync<StoreException>(() => backend.StoreAsync("data/b", new StoreValue(refused, second), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(StoreError.QuotaExceeded, exception.Error);
        Assert.False(refused.Paused.IsCompleted);
        await Assert.ThrowsAsync<StoreException>(() => backend.DefragAsync(new DefragRequest([new Block("data/c", 0, second)])
        {
            Algorithm = HashKind.Sha256,
            Namespace = "data",
        }, Ct).AsTask());

        // A failure releases its reservation, and a success is counted once.
        slow.Fail();
        await Assert.ThrowsAnyAsync<IOException>(() => storing);
        await StoreAsync(backend, "data/b", 1_000_000);
        await backend.DeleteAsync("data/b", Ct);
        await StoreAsync(backend, "data/a", 500_000);
        await StoreAsync(backend, "data/b", 500_000);
        Assert.Equal(1_000_000, (await backend.GetQuotaAsync(Ct)).Used);
    }

    [Fact]
    public async Task Concurrent_replacements_of_one_item_count_towards_the_quota()
    {
        await using var backend = await OpenAsync(1_000_000);
        await StoreAsync(backend, "data/a", 900_000);
        using var slow = new PausedStream(900_000);
        var storing = Task.Run(() => backend.StoreAsync("data/a", new StoreValue(slow, 900_000), StoreMode.Overwrite, Ct).AsTask(), Ct);
        await slow.Paused.WaitAsync(Ct);
        using var refused = new PausedStream(900_000);
        refused.Fail();
        var exception = await Assert.ThrowsAsync<StoreException>(() => backend.StoreAsync("data/a", new StoreValue(refused, 900_000), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal((StoreError.QuotaExceeded, "900000 bytes are being written under the quota of 1000000 bytes, and this one needs 900000 more"), (exception.Error, exception.Message));
        Assert.False(refused.Paused.IsCompleted);
        await StoreAsync(backend, "data/b", 100_000);
        await backend.DeleteAsync("data/b", Ct);
        slow.Continue();
        await storing;
        Assert.Equal(900_000, (await backend.GetQuotaAsync(Ct)).Used);
    }

    [Fact]
    public async Task Defrag_by_hash_over_the_quota_is_rejected_before_it_writes()
    {
        await using (var backend = await OpenAsync(null)) await StoreAsync(backend, "data/a", 900_000);
        await using var limited = await OpenAsync(1_000_000, create: false);
        var watched = new List<string>();
        using var watcher = new FileSystemWatcher(_directory["store/data"]) { EnableRaisingEvents = true };
        watcher.Created += (_, e) => Note(e.Name!);
        watcher.Renamed += (_, e) => Note(e.Name!);
        var request = new DefragRequest([.. Enumerable.Repeat(new Block("data/a", 0, 900_000), 20)]) { Algorithm = HashKind.Sha256, Namespace = "data" };
        Assert.Equal(StoreError.QuotaExceeded, (await Assert.ThrowsAsync<StoreException>(() => limited.DefragAsync(request, Ct).AsTask())).Error);
        await StoreAsync(limited, "data/last", 1);
        while (true)
        {
            lock (watched)
                if (watched.Contains("last")) break;
            await Task.Delay(10, Ct);
        }
        // The last value and its unfinished file.
        lock (watched) Assert.Equal(2, watched.Count);

        void Note(string name)
        {
            lock (watched) watched.Add(name);
        }
    }

    [Fact]
    public async Task A_refusal_says_what_is_left_used_and_being_written()
    {
        await using var backend = await OpenAsync(1_000_000);
        await StoreAsync(backend, "data/a", 300_000);
        Assert.Equal("the quota of 1000000 bytes has 700000 left (300000 are used), and this needs 700001 more", await RefusalAsync("data/b", 700_001));
        Assert.Equal("the quota of 1000000 bytes has 700000 left (300000 are used), and this needs 700001 more", await RefusalAsync("data/a", 1_000_001));
        using var slow = new PausedStream(500_000);
        var storing = Task.Run(() => backend.StoreAsync("data/c", new StoreValue(slow, 500_000), StoreMode.Overwrite, Ct).AsTask(), Ct);
        await slow.Paused.WaitAsync(Ct);
        Assert.Equal("the quota of 1000000 bytes has 200000 left (300000 are used and 500000 are being written), and this needs 200001 more", await RefusalAsync("data/b", 200_001));
        await StoreAsync(backend, "data/b", 200_000);
        Assert.Equal("the quota of 1000000 bytes has 0 left (500000 are used and 500000 are being written), and this needs 1 more", await RefusalAsync("data/d", 1));
        slow.Continue();
        await storing;
        Assert.Equal(1_000_000, (await backend.GetQuotaAsync(Ct)).Used);

        await using var smaller = await OpenAsync(1000, create: false);
        Assert.Equal("the quota of 1000 bytes has 0 left (1000000 are used), and this needs 1 more", await RefusalAsync("data/d", 1, smaller));

        async Task<string> RefusalAsync(string name, int size, FileBackend? other = null)
            => (await Assert.ThrowsAsync<StoreException>(() => StoreAsync(other ?? backend, name, size))).Message;
    }

    [Fact]
    public async Task During_a_change_the_usage_file_contains_no_number()
    {
        Assert.SkipWhen(this is PortableFileQuotaTests, "The file cannot be opened during a change.");
        var seen = new List<string>();
        var isWatching = true;
        await using var backend = new FileBackend(_directory["store"], new BackendOptions { Quota = 10_000, Durability = Durability.None },
            root => new WatchedFileSystem(CreateFileSystem(root), () =>
            {
                if (isWatching) seen.Add(ReadNumber());
            }));
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        await StoreAsync(backend, "data/a", 1500);
        await StoreAsync(backend, "data/b", 500);
        await backend.MoveAsync("data/a", "data/a.del", StoreMode.Overwrite, Ct);
        await backend.DeleteAsync("data/a.del", Ct);
        Assert.Equal(["?", "?500", "2000", "?000"], seen);
        Assert.Equal("500", ReadNumber());
        // While the store is closed, the file is locked.
        isWatching = false;

        string ReadNumber()
        {
            // The framework would want a lock of its own.
            var fileSystem = CreateFileSystem(_directory["store"]);
            using var file = fileSystem.OpenInternal(Path.GetFileName(Number));
            var text = new byte[20];
            return Encoding.ASCII.GetString(text, 0, fileSystem.Read(file!, text, 0));
        }
    }

    [Fact]
    public async Task A_change_that_fails_leaves_the_number_as_it_is()
    {
        await using var backend = await OpenAsync(10_000);
        await StoreAsync(backend, "data/a", 1500);
        await StoreAsync(backend, "data/b", 500);
        await Assert.ThrowsAsync<StoreException>(() => backend.StoreAsync("data/a", new byte[100], StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal("2000", await File.ReadAllTextAsync(Number, Ct));
        await Assert.ThrowsAsync<StoreException>(() => backend.MoveAsync("data/b", "data/a", StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal("2000", await File.ReadAllTextAsync(Number, Ct));
        Assert.False(await backend.MoveAsync("data/none", "data/a", StoreMode.Overwrite, Ct));
        Assert.Equal("2000", await File.ReadAllTextAsync(Number, Ct));
        Assert.False(await backend.DeleteAsync("data/none", Ct));
        await Assert.ThrowsAsync<StoreException>(() => backend.StoreAsync("data/a/below", new byte[1], StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal("2000", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task Values_are_recounted_in_all_directories_and_without_links_and_internal_files()
    {
        await using (var backend = await OpenAsync(10_000))
        {
            await StoreAsync(backend, "top", 1);
            await StoreAsync(backend, "data/01/23/a", 20);
            await StoreAsync(backend, "data/01/b.del", 300);
        }
        File.Delete(Number);
        await File.WriteAllBytesAsync(_directory["elsewhere"], new byte[4000], Ct);
        await File.WriteAllBytesAsync(_directory["store/data/x.tmp"], new byte[4000], Ct);
        await File.WriteAllBytesAsync(_directory["store/data/x.hid"], new byte[4000], Ct);
        File.CreateSymbolicLink(_directory["store/data/link"], _directory["elsewhere"]);
        await using var again = await OpenAsync(10_000, create: false);
        Assert.Equal(321, (await again.GetQuotaAsync(Ct)).Used);
        Assert.Equal("321", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task A_number_that_is_too_small_never_becomes_negative()
    {
        await using var backend = await OpenAsync(10_000);
        await StoreAsync(backend, "data/a", 1500);
        await File.WriteAllTextAsync(Number, "7", Ct);
        await backend.DeleteAsync("data/a", Ct);
        Assert.Equal("0", await File.ReadAllTextAsync(Number, Ct));
    }

    [Fact]
    public async Task Other_files_of_similar_names_are_no_marks_of_an_earlier_start()
    {
        await using (var backend = await OpenAsync(10_000)) await StoreAsync(backend, "data/a", 1500);
        await File.WriteAllTextAsync(Number, "7", Ct);
        foreach (var name in new[] { "quota-session-x", "other.hid" }) await File.WriteAllTextAsync(_directory["store/" + name], "", Ct);
        await using var again = await OpenAsync(10_000, create: false);
        Assert.Equal(7, (await again.GetQuotaAsync(Ct)).Used);
        foreach (var name in new[] { "quota-session-x", "other.hid" }) Assert.True(File.Exists(_directory["store/" + name]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_mark_of_a_session_is_on_disk_before_its_first_change_and_the_number_before_the_mark_is_removed(bool whole)
    {
        if (!OperatingSystem.IsLinux() || (whole && CreateFileSystem(_directory["store"]) is PortableFileSystem)) Assert.Skip("Only Linux syncs a whole file system and tells boots apart.");
        RecordingFileSystem calls = null!;
        await using var backend = new FileBackend(_directory["store"], new BackendOptions { Quota = 10_000, Durability = Durability.None },
            root => calls = new(CreateFileSystem(root)) { IsSyncedAsAWhole = whole });
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        await StoreAsync(backend, "data/a", 1500);
        await StoreAsync(backend, "data/b", 1500);
        await backend.DisposeAsync();
        string[] expected = whole
            ? ["sync file", "sync directory ", "rename data/a", "rename data/b", "sync all", $"delete {QuotaSession.FileName}"]
            : ["sync file", $"sync name {QuotaSession.FileName}", "sync directory ", "rename data/a", "rename data/b", "sync file"];
        Assert.Equal(expected, calls.Calls.Where(call => call.StartsWith("sync", StringComparison.Ordinal) || call.StartsWith("rename", StringComparison.Ordinal) || call.StartsWith("delete", StringComparison.Ordinal)));
        Assert.Equal(!whole, File.Exists(Mark));
    }

    protected long Bytes() => TestDirectory.FilesBelow(_directory["store"]).Where(file => file.StartsWith("data/", StringComparison.Ordinal))
        .Sum(file => new FileInfo(_directory["store/" + file]).Length);

    private static Task StoreAsync(FileBackend backend, string name, int size)
        => backend.StoreAsync(name, new byte[size], StoreMode.Overwrite, Ct).AsTask();

    private async Task<FileBackend> OpenAsync(long? quota, bool create = true)
    {
        var backend = new FileBackend(_directory["store"], new BackendOptions { Quota = quota, Durability = Durability.None }, CreateFileSystem);
        if (create) await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        return backend;
    }

    /// <summary>Calls back before a change gets visible.</summary>
    private sealed class WatchedFileSystem(FileSystem inner, Action beforeChange) : DelegatingFileSystem(inner)
    {
        public override RenameResult Rename(string name, string newName, StoreMode mode)
        {
            beforeChange();
            return Inner.Rename(name, newName, mode);
        }

        public override bool Delete(string name)
        {
            beforeChange();
            return Inner.Delete(name);
        }
    }

    /// <summary>Bytes whose second half waits until the test releases it.</summary>
    private sealed class PausedStream(int length) : ReadOnlyStream
    {
        private readonly TaskCompletionSource _paused = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _decided = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _read;

        public Task Paused => _paused.Task;

        public override long Length => length;

        public void Continue() => _decided.SetResult();

        public void Fail() => _decided.SetException(new IOException("The line was cut."));

        public override int Read(Span<byte> buffer) => throw new NotSupportedException();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_read >= length / 2)
            {
                _paused.TrySetResult();
                await _decided.Task;
            }
            var count = Math.Min(buffer.Length, (_read < length / 2 ? length / 2 : length) - _read);
            _read += count;
            return count;
        }
    }
}
