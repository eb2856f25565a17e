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
        nameof(What_was_stored_is_loaded), nameof(What_is_absent_is_told_by_the_result), nameof(Overwrite_replaces_and_create_new_refuses),
        nameof(Delete_removes_once), nameof(A_range_gives_what_there_is_of_it), nameof(A_loaded_value_can_be_read_in_pieces_and_abandoned),
        nameof(One_level_lists_files_and_directories_in_ordinal_order), nameof(A_tree_lists_files_below_a_directory_by_their_path),
        nameof(Many_items_are_listed_completely), nameof(Dispose_inside_a_listing_returns), nameof(Move_renames_and_makes_directories),
        nameof(Defrag_names_the_new_item_by_the_hash_of_its_blocks), nameof(Gather_joins_ranges_of_many_items_in_the_order_given),
        nameof(A_stream_that_throws_leaves_nothing), nameof(A_cancelled_store_leaves_nothing), nameof(A_load_that_is_given_up_leaves_no_file_open),
        nameof(Unfinished_items_are_found_by_their_age_and_removed), nameof(Create_refuses_a_store_that_holds_anything),
        nameof(Destroy_removes_all_and_leaves_no_store), nameof(Dispose_waits_for_what_is_in_flight), nameof(A_reader_sees_the_old_or_the_new_value_whole),
    ];

    private IBackend? _store;

    // Before any server is started.
#pragma warning disable CA2214 // The property is a constant of the class.
    protected BackendContract()
    {
        if (WholeElsewhere is { } elsewhere && !Heart.Contains(TestContext.Current.TestMethod!.MethodName))
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
