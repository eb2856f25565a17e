using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

/// <summary>What a kind of storage cannot do for reasons of its own. Each flag leaves out the few tests that need it.</summary>
[Flags]
public enum BackendLimits
{
    None,

    /// <summary>Directories are only what the names suggest: an empty one cannot be, and none is found by its name.</summary>
    NoDirectories = 1,

    /// <summary>Of several who create the same new item at once more than one may win.</summary>
    NoExclusiveCreation = 2,

    /// <summary>For a moment while an item is replaced there is none.</summary>
    NoAtomicReplacement = 4,

    /// <summary>An item may have the name of a directory, since directories are no more than the beginning of names.</summary>
    NamesOfDirectoriesAreFree = 8,
}

/// <summary>What <see cref="IBackend"/> promises, tried on one kind of backend by each derived class. Every test has a store of its own.</summary>
public abstract partial class BackendContract : IAsyncLifetime
{
    private IBackend? _store;

    /// <summary>What this kind of backend cannot do.</summary>
    protected virtual BackendLimits Limits => BackendLimits.None;

    /// <summary>The store of this test, created and open.</summary>
    protected IBackend Store => _store ?? throw new InvalidOperationException("The store is not open.");

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Makes a backend for the place of this test, where there is nothing at first. Each call makes another one for the same place.</summary>
    protected abstract ValueTask<IBackend> CreateBackendAsync();

    /// <summary>How often a value is given up before its end. Where each costs a process, a few times have to do.</summary>
    protected virtual int Abandonments => 20;

    /// <summary>Removes what the test left.</summary>
    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    /// <summary>Puts a file into the storage past the backend; <see langword="false"/> where a test cannot.</summary>
    protected virtual ValueTask<bool> PutRawAsync(string path, byte[] content) => ValueTask.FromResult(false);

    /// <summary>Puts a symbolic link into the storage past the backend; <see langword="false"/> where a test cannot.</summary>
    protected virtual ValueTask<bool> PutRawLinkAsync(string path, string target) => ValueTask.FromResult(false);

    /// <summary>Lists every file in the storage past the backend, unfinished and hidden ones too; <see langword="null"/> where a test cannot.</summary>
    protected virtual ValueTask<IReadOnlyList<string>?> ListRawAsync() => ValueTask.FromResult<IReadOnlyList<string>?>(null);

    public virtual async ValueTask InitializeAsync()
    {
        var creator = await CreateBackendAsync();
        await creator.CreateAsync(Ct);
        await creator.DisposeAsync();
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
        var backend = await CreateBackendAsync();
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

    /// <summary>Nothing is in the storage but these, where a test can look.</summary>
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
