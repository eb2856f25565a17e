using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Synchronization;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Synchronization;

/// <summary>Making a store equal to another one.</summary>
public sealed class StoreSyncTests : StoreFixture
{
    private async Task<Store> CreateAsync(string name, StoreLayout layout)
        => await Store.CreateAsync(new(new Uri(Folder.Combine(name)).AbsoluteUri) { Layout = layout });

    private static async Task<List<string>> RunAsync(Store source, Store destination, SyncOptions? options = null)
    {
        using var sync = new StoreSync(source, destination, options);
        var done = new List<string>();
        foreach (var phase in sync.Phases)
        {
            var steps = await sync.PlanAsync(phase).ToListAsync();
            await Parallel.ForEachAsync(steps, async (step, token) => await sync.ApplyAsync(step, cancellationToken: token));
            done.AddRange(steps.Select(step => $"{step.Action} {step.Name}{(step.IsDeleted ? " deleted" : "")}"));
        }
        return done;
    }

    private static async Task<string[]> ContentAsync(Store store)
        => await store.ListAllAsync(ItemSelection.All).Where(item => item.Namespace != "locks")
            .Select(async (StoreItem item, CancellationToken token) =>
                $"{item.Name} {item.IsDeleted} {await store.HashAsync(item.Name, HashKind.Sha256, item.IsDeleted, token)}")
            .OrderBy(line => line, StringComparer.Ordinal).ToArrayAsync();

    [Fact]
    public async Task The_destination_becomes_equal_and_a_second_run_has_nothing_to_do()
    {
        await using var a = await CreateAsync("a", new(("config", 0), ("data", 2)));
        await using var b = await CreateAsync("b", new(("config", 0), ("data", 1)));
        await a.StoreAsync("config/main", Bytes("1"));
        await a.StoreAsync("data/0012", Bytes("12"));
        await a.StoreAsync("data/0013", new byte[3 << 20]);
        await a.StoreAsync("data/0014", Bytes("14"));
        await a.SoftDeleteAsync("data/0014");
        await b.StoreAsync("config/main", Bytes("old"));
        await b.StoreAsync("data/ffff", Bytes("superfluous"));

        Assert.Equal(["Replace config/main", "Copy data/0012", "Copy data/0013", "Copy data/0014 deleted"], await RunAsync(a, b, new() { IsVerified = true }));
        Assert.NotNull(await b.FindAsync("data/ffff"));
        Assert.Equal(["Delete data/ffff"], await RunAsync(a, b, new() { Deletes = true }));
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
        Assert.Empty(await RunAsync(a, b, new() { Deletes = true }));

        // A changed value of the same size is found by its time.
        await a.StoreAsync("config/main", Bytes("2"));
        Assert.Equal(["Replace config/main"], await RunAsync(a, b));
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
    }

    [Fact]
    public async Task Soft_deletion_and_restoring_are_repeated_without_copying()
    {
        await using var a = await CreateAsync("a", new(("data", 2)));
        await using var b = await CreateAsync("b", new(("data", 2)));
        await a.StoreAsync("data/0012", Bytes("12"));
        await a.StoreAsync("data/0013", Bytes("13"));
        await a.SoftDeleteAsync("data/0013");
        await RunAsync(a, b);
        await a.SoftDeleteAsync("data/0012");
        await a.UndeleteAsync("data/0013");
        b.ResetStatistics();
        await RunAsync(a, b, new() { Deletes = true });
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
        Assert.Equal(0, b.GetStatistics().Operations.Single(operation => operation.Operation == Diagnostics.Operation.Store).Calls);
    }

    [Theory]
    [InlineData("borg-b22")]
    [InlineData("borg-b25")]
    public async Task A_Borg_repository_is_copied_so_that_archives_never_refer_to_missing_packs(string name)
    {
        await using var a = await Store.OpenAsync(new(new Uri(Unpack(name)).AbsoluteUri));
        await using var b = await CreateAsync("b", StoreLayout.Borg2);
        await a.StoreAsync("locks/" + new string('0', 64), Bytes("{}"));
        var copied = await RunAsync(a, b, new() { IsVerified = true });
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
        Assert.Empty(await b.ListAsync("locks").ToListAsync());
        var order = copied.Select(step => step.Split(' ', '/')[1]).Distinct().ToList();
        Assert.Equal(order, order.OrderBy(ns => Array.IndexOf(["packs", "data", "cache", "index", "keys", "config", "archives"], ns)));
        Assert.Equal("archives", order[^1]);

        // What is superfluous goes in the other order.
        await b.StoreAsync("archives/" + new string('1', 64), Bytes("x"));
        await b.StoreAsync("packs/" + new string('1', 64), Bytes("x"));
        Assert.Equal(["Delete archives/" + new string('1', 64), "Delete packs/" + new string('1', 64)], await RunAsync(a, b, new() { Deletes = true }));
    }

    [Fact]
    public async Task An_archive_made_during_the_copy_is_left_to_the_next_run()
    {
        await using var a = await CreateAsync("a", StoreLayout.Borg2);
        await using var b = await CreateAsync("b", StoreLayout.Borg2);
        var (old, young) = (new string('0', 64), new string('1', 64));
        await a.StoreAsync($"packs/{old}", Bytes("pack"));
        await a.StoreAsync($"archives/{old}", Bytes("archive"));
        using var sync = new StoreSync(a, b);
        foreach (var phase in sync.Phases)
        {
            foreach (var step in await sync.PlanAsync(phase).ToListAsync()) await sync.ApplyAsync(step);
            if (phase.Namespace != "packs") continue;
            await a.StoreAsync($"packs/{young}", Bytes("pack"));
            await a.StoreAsync($"archives/{young}", Bytes("archive"));
        }
        Assert.Equal([$"archives/{old}", $"packs/{old}"], await b.ListAllAsync().Select(item => item.Name).ToArrayAsync());
        await RunAsync(a, b);
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
    }

    [Fact]
    public async Task After_a_failure_nothing_that_refers_to_it_is_copied_and_nothing_deleted()
    {
        await using var a = await CreateAsync("a", StoreLayout.Borg2);
        await using var b = await CreateAsync("b", StoreLayout.Borg2);
        var name = new string('0', 64);
        await a.StoreAsync($"packs/{name}", Bytes("pack"));
        await a.StoreAsync($"archives/{name}", Bytes("archive"));
        await b.StoreAsync($"archives/{new string('f', 64)}", Bytes("superfluous"));
        // A directory in the place of the pack.
        Directory.CreateDirectory(Path.Combine(Folder.Combine("b"), "packs", "00", name));
        using var sync = new StoreSync(a, b, new() { Deletes = true });
        var failed = new ConcurrentBag<string>();
        foreach (var phase in sync.Phases)
        {
            try
            {
                foreach (var step in await sync.PlanAsync(phase).ToListAsync()) await sync.ApplyAsync(step);
            }
            catch (StoreException e)
            {
                failed.Add($"{phase.Namespace}: {e.Message}");
            }
        }
        Assert.Equal(2, failed.Count);
        Assert.Contains(failed, message => message.StartsWith("archives: 1 items failed", StringComparison.Ordinal) && message.EndsWith("Mend the cause and run again.", StringComparison.Ordinal));
        Assert.Equal([$"archives/{new string('f', 64)}"], await b.ListAllAsync().Select(item => item.Name).ToArrayAsync());
    }

    [Fact]
    public async Task An_empty_source_deletes_nothing()
    {
        await using var a = await CreateAsync("a", new(("data", 2)));
        await using var b = await CreateAsync("b", new(("data", 2)));
        await b.StoreAsync("data/0012", Bytes("12"));
        var error = await FailsAsync(StoreError.InvalidArgument, () => RunAsync(a, b, new() { Deletes = true }));
        Assert.Contains("has no items", error.Message, StringComparison.Ordinal);
        Assert.NotNull(await b.FindAsync("data/0012"));
    }

    [Fact]
    public async Task The_storage_copies_by_itself_where_it_can()
    {
        await using var a = await CreateAsync("a", new(("config", 0), ("data", 2)));
        await using var b = await CreateAsync("b", new(("config", 0), ("data", 1)));
        await a.StoreAsync("config/main", Bytes("1"));
        await a.StoreAsync("data/0013", new byte[3 << 20]);
        await a.StoreAsync("data/0014", Bytes("14"));
        await a.SoftDeleteAsync("data/0014");
        await b.StoreAsync("config/main", Bytes("old"));
        a.ResetStatistics();
        b.ResetStatistics();
        await RunAsync(a, b, new() { IsVerified = true });
        Assert.Equal(await ContentAsync(a), await ContentAsync(b));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only the calls of Linux copy.");
        Assert.Equal((3, (3 << 20) + 3), CountOf(b, Diagnostics.Operation.Copy));
        Assert.Equal((0, 0), CountOf(b, Diagnostics.Operation.Store));
        Assert.Equal((0, 0), CountOf(a, Diagnostics.Operation.Load));
    }

    [Fact]
    public async Task A_bad_copy_by_the_storage_is_removed()
    {
        await using var a = await CreateAsync("a", new(("data", 2)));
        await a.StoreAsync("data/0012", Bytes("12"));
        var spoiling = new SpoilingBackend(BackendFactory.Create(new Uri(Folder.Combine("b")).AbsoluteUri, new())) { CopiesBadly = true };
        await spoiling.CreateAsync(default);
        await using var b = await Store.OpenAsync(spoiling, new("memory:") { Layout = new(("data", 2)) });
        var error = await FailsAsync(StoreError.HashMismatch, () => RunAsync(a, b, new() { IsVerified = true }));
        Assert.Contains("was removed", error.Message, StringComparison.Ordinal);
        Assert.Null(await b.FindAsync("data/0012"));
        Assert.Equal((1, 2), CountOf(b, Diagnostics.Operation.Copy));
    }

    private static (long Calls, long Volume) CountOf(Store store, Diagnostics.Operation operation)
        => store.GetStatistics().Operations.Where(found => found.Operation == operation).Select(found => (found.Calls, found.Volume)).Single();

    [Fact]
    public async Task A_bad_copy_is_removed()
    {
        await using var a = await CreateAsync("a", new(("data", 2)));
        await a.StoreAsync("data/0012", Bytes("12"));
        var spoiling = new SpoilingBackend(BackendFactory.Create(new Uri(Folder.Combine("b")).AbsoluteUri, new()));
        await spoiling.CreateAsync(default);
        await using var b = await Store.OpenAsync(spoiling, new("memory:") { Layout = new(("data", 2)) });
        var error = await FailsAsync(StoreError.HashMismatch, () => RunAsync(a, b, new() { IsVerified = true }));
        Assert.Contains("was removed", error.Message, StringComparison.Ordinal);
        Assert.Null(await b.FindAsync("data/0012"));
    }

    [Fact]
    public async Task A_destination_without_the_namespace_is_refused_before_anything_is_copied()
    {
        await using var a = await CreateAsync("a", new(("config", 0), ("data", 2)));
        await using var b = await CreateAsync("b", new(("config", 0)));
        var error = Assert.Throws<StoreException>(() => new StoreSync(a, b));
        Assert.Contains("has no namespace 'data'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Stores other bytes than it is given.</summary>
    private sealed class SpoilingBackend(IBackend inner) : DelegatingBackend(inner)
    {
        public override ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
            => Inner.StoreAsync(name, new byte[value.Length], mode, cancellationToken);

        public bool CopiesBadly { get; init; }

        public override async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
        {
            if (!CopiesBadly) return null;
            await Inner.StoreAsync(name, new byte[2], mode, cancellationToken);
            return 2;
        }
    }
}
