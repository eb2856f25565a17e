using BorgStore.Backends;
using BorgStore.Diagnostics;

namespace BorgStore.Tests.Backends;

/// <summary>Things that a kind of storage cannot do by design. Each flag skips the few tests that need them.</summary>
[Flags]
public enum BackendLimits
{
    None,

    /// <summary>Directories exist only as prefixes of names: none is empty, and none is found by its name.</summary>
    NoDirectories = 1,

    /// <summary>If several callers create the same new item at once, more than one may succeed.</summary>
    NoExclusiveCreation = 2,

    /// <summary>While an item is replaced, it may be missing for a moment.</summary>
    NoAtomicReplacement = 4,

    /// <summary>An item may have the name of a directory, because directories are only prefixes of names.</summary>
    NamesOfDirectoriesAreFree = 8,
}

/// <summary>The contract of <see cref="IBackend"/>. Each derived class tests it on one kind of backend, and every test has its own store.</summary>
public abstract partial class BackendContract : IAsyncLifetime
{
    // The tests that remain for a class whose whole contract is tested elsewhere: each operation once, and those that depend on the transport.
    private static readonly HashSet<string> Heart =
    [
        nameof(Load_returns_the_stored_value), nameof(Operations_on_a_missing_item_return_null_or_false), nameof(Overwrite_replaces_an_item_and_CreateNew_fails_if_it_exists),
        nameof(Delete_returns_true_once_and_then_false), nameof(Load_of_a_range_is_clipped_to_the_value), nameof(A_loaded_stream_can_be_read_in_pieces_and_abandoned),
        nameof(A_one_level_listing_returns_files_and_directories_in_ordinal_order), nameof(A_tree_listing_returns_files_by_their_relative_path),
        nameof(A_raw_listing_also_has_temporary_hidden_and_foreign_names),
        nameof(A_listing_of_many_items_is_complete), nameof(Dispose_during_a_listing_completes), nameof(Move_renames_an_item_and_creates_directories),
        nameof(Defrag_names_the_new_item_by_the_hash_of_its_blocks), nameof(A_copy_by_the_storage_is_the_whole_value_in_a_new_directory), nameof(Gather_concatenates_ranges_of_several_items_in_the_given_order),
        nameof(Storing_a_stream_that_throws_changes_nothing), nameof(A_cancelled_store_leaves_no_files), nameof(An_abandoned_load_leaves_no_file_open),
        nameof(Unfinished_items_are_found_by_age_and_removed), nameof(Create_fails_if_the_store_is_not_empty),
        nameof(Destroy_removes_everything_including_the_store_itself), nameof(Dispose_waits_for_running_operations), nameof(A_concurrent_reader_sees_either_the_complete_old_or_the_complete_new_value),
    ];

    // Those of them that depend on how bytes get to the same server.
    private static readonly HashSet<string> Way =
    [
        nameof(Load_returns_the_stored_value), nameof(A_listing_of_many_items_is_complete), nameof(An_abandoned_load_leaves_no_file_open),
        nameof(Storing_a_stream_that_throws_changes_nothing), nameof(A_cancelled_store_leaves_no_files), nameof(Dispose_waits_for_running_operations),
    ];

    private IBackend? _store;

    // Before any server is started.
#pragma warning disable CA2214 // The property is a constant of the class.
    protected BackendContract()
    {
        if (WholeElsewhere is { } elsewhere && !(IsOnlyAnotherWay ? Way : Heart).Contains(TestContext.Current.TestMethod!.MethodName))
            LongTests.Require($"Every run tries this on {elsewhere}");
    }
#pragma warning restore CA2214

    /// <summary>The limits of this kind of backend.</summary>
    protected virtual BackendLimits Limits => BackendLimits.None;

    /// <summary>The store of this test, created and open.</summary>
    protected IBackend Store => _store ?? throw new InvalidOperationException("The store is not open.");

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Creates a backend for this test's location, which is empty at first. Each call creates another one for the same location.</summary>
    protected abstract ValueTask<IBackend> CreateBackendAsync();

    /// <summary>Creates the store of this test.</summary>
    protected virtual async ValueTask CreateStoreAsync()
    {
        await using var creator = await CreateBackendAsync();
        await creator.CreateAsync(Ct);
    }

    /// <summary>Where the whole contract is tested if this class adds little to it; <see langword="null"/> if it is tested here.</summary>
    protected virtual string? WholeElsewhere => null;

    /// <summary>Whether only the way to the server differs from that of the class where the whole contract is tested.</summary>
    protected virtual bool IsOnlyAnotherWay => false;

    /// <summary>Whether the storage knows when an item was soft-deleted.</summary>
    protected virtual bool KnowsDeletedTime => false;

    /// <summary>Whether a raw listing has the names that no item has, with which the verification finds stray files. Services that only know items
    /// leave them out.</summary>
    protected virtual bool ShowsForeignNames => true;

    /// <summary>The number of operations to abandon halfway. Lower where each costs a process.</summary>
    protected virtual int Abandonments => 20;

    /// <summary>Cleans up after the test.</summary>
    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    /// <summary>Writes a file to the storage, bypassing the backend; <see langword="false"/> if that is not possible.</summary>
    protected virtual ValueTask<bool> PutRawAsync(string path, byte[] content) => ValueTask.FromResult(false);

    /// <summary>Creates a symbolic link in the storage, bypassing the backend; <see langword="false"/> if that is not possible.</summary>
    protected virtual ValueTask<bool> PutRawLinkAsync(string path, string target) => ValueTask.FromResult(false);

    /// <summary>Leaves what a crash during a store would leave in the storage; <see langword="false"/> if that is not possible.</summary>
    protected virtual ValueTask<bool> PutUnfinishedAsync(string name) => PutRawAsync($"{name}.tmp", [1, 2, 3]);

    /// <summary>The folder with the files of the storage, or <see langword="null"/> if there is none on this machine.</summary>
    protected virtual string? RawFolder => null;

    /// <summary>Lists every file in the storage, including unfinished and hidden ones, bypassing
    /// the backend; <see langword="null"/> if that is not possible.</summary>
    protected virtual ValueTask<IReadOnlyList<string>?> ListRawAsync() => ValueTask.FromResult<IReadOnlyList<string>?>(null);

    public virtual async ValueTask InitializeAsync()
    {
        await CreateStoreAsync();
        _store = await OpenAnotherAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    protected async ValueTask<IBackend> OpenAnotherAsync()
    {
        // As every user has it, with the messages that users see.
        var backend = new ExplainingBackend(await CreateBackendAsync(), "test");
        await backend.OpenAsync(Ct);
        return backend;
    }

    protected void SkipIf(BackendLimits limit)
    {
        if ((Limits & limit) != 0) Assert.Skip($"This kind of storage has the limit {limit}.");
    }

    protected static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected ValueTask StoreAsync(string name, byte[] value, StoreMode mode = StoreMode.Overwrite) => Store.StoreAsync(name, value, mode, Ct);

    protected async ValueTask<byte[]?> LoadAsync(string name, ByteRange range = default)
    {
        var stream = await Store.LoadAsync(name, range, Ct);
        if (stream is null) return null;
        await using (stream) return await stream.ReadToEndAsync(Ct);
    }

    protected async ValueTask<List<ItemInfo>> ListAsync(string directory, ListScope scope = ListScope.OneLevel)
    {
        var items = new List<ItemInfo>();
        await foreach (var item in Store.ListAsync(directory, scope, Ct)) items.Add(item);
        return items;
    }

    protected async ValueTask<List<string>> ListNamesAsync(string directory, ListScope scope = ListScope.OneLevel)
        => [.. (await ListAsync(directory, scope)).Select(item => item.Name)];

    /// <summary>Asserts that the storage has exactly these files, if a test can list them.</summary>
    protected async Task AssertOnlyFilesAsync(params string[] expected)
    {
        if (await ListRawAsync() is { } files) Assert.Equal(expected.Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
        Assert.Equal(expected.Order(StringComparer.Ordinal), (await ListNamesAsync("", ListScope.Tree)).Order(StringComparer.Ordinal));
    }

    protected static async Task<StoreException> AssertFailsAsync(StoreError error, Func<Task> act)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(error, exception.Error);
        Assert.NotEmpty(exception.Message);
        return exception;
    }
}
