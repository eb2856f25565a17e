using System.Collections.Concurrent;
using BorgStore.Backends;

namespace BorgStore.Samples;

/// <summary>A store in the memory of this process, under URLs such as <c>memory:name</c>: an example of a backend outside the library.</summary>
public sealed class MemoryBackend : Backend
{
    private static readonly ConcurrentDictionary<string, Place> Places = new();

    private readonly Place _place;

    /// <summary>Initializes a backend; nothing is opened yet.</summary>
    /// <param name="url">The URL. Backends with the same URL share one store.</param>
    public MemoryBackend(string url)
        : base(url)
        => _place = Places.GetOrAdd(url, _ => new Place());

    /// <summary>Registers the scheme <c>memory</c>, so that <see cref="Store"/> opens such URLs.</summary>
    public static void Register() => BackendFactory.Register("memory", (url, _) => new MemoryBackend(url));

    /// <inheritdoc/>
    protected override Task CreateCoreAsync(CancellationToken cancellationToken)
    {
        lock (_place)
        {
            if (_place.Exists) throw new StoreException(StoreError.StoreAlreadyExists);
            _place.Exists = true;
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task DestroyCoreAsync(CancellationToken cancellationToken)
    {
        lock (_place)
        {
            CheckExists();
            _place.Exists = false;
            _place.Entries.Clear();
        }
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task OpenCoreAsync(CancellationToken cancellationToken)
    {
        lock (_place) CheckExists();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        if (name.Length == 0) return default;
        lock (_place)
        {
            MakeParents(name);
            if (_place.Entries.TryAdd(name, default) || _place.Entries[name].IsDirectory) return default;
        }
        throw new StoreException(StoreError.ObjectAlreadyExists, $"'{name}' is an item, so nothing can be below it");
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        lock (_place)
        {
            if (name.Length == 0) throw new StoreException(StoreError.InvalidArgument, "The directory of the store itself cannot be removed.");
            if (!_place.Entries.TryGetValue(name, out var entry) || !entry.IsDirectory) return new(false);
            if (_place.Entries.Keys.Any(other => other.StartsWith(name + "/", StringComparison.Ordinal)))
                throw new StoreException(StoreError.InvalidArgument, $"Could not remove the directory '{name}': it is not empty.", name);
            return new(_place.Entries.Remove(name));
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
    {
        lock (_place)
        {
            if (name.Length == 0) return new(new ItemInfo(name, 0, IsDirectory: true));
            return new(_place.Entries.TryGetValue(name, out var entry) ? entry.ToItem(name) : null);
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        lock (_place)
        {
            if (!_place.Entries.TryGetValue(name, out var entry) || entry.Value is not { } value) return new((ValueStream?)null);
            var (start, count) = range.Resolve(value.Length);
            return new(new MemoryValueStream(value.AsMemory((int)start, (int)count)));
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        if (value.Length > Array.MaxLength) throw new StoreException(StoreError.NotSupported, $"'{name}' has {value.Length} bytes, which is too large for memory.", name);
        // Read the whole value first, so that a source that fails leaves nothing behind.
        var bytes = new byte[value.Length];
        var source = value.OpenStream();
        await using (source.ConfigureAwait(false)) await source.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_place)
        {
            CheckTarget(name, mode);
            _place.Entries[name] = new(bytes, DateTime.UtcNow);
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
    {
        lock (_place) return new(_place.Entries.TryGetValue(name, out var entry) && !entry.IsDirectory && _place.Entries.Remove(name));
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        lock (_place)
        {
            if (!_place.Entries.TryGetValue(name, out var entry) || entry.IsDirectory) return new(false);
            if (name == newName) return new(mode == StoreMode.Overwrite ? true : throw Taken());
            CheckTarget(newName, mode);
            _place.Entries[newName] = entry;
            return new(_place.Entries.Remove(name));
        }
    }

    /// <inheritdoc/>
    protected override IAsyncEnumerable<ItemInfo> ListCoreAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => scope == ListScope.Tree ? TreeWalk.ListAsync(this, directory, prefix, cancellationToken) : ListLevelAsync(directory, prefix);

#pragma warning disable CS1998 // There is nothing to wait for.
    private async IAsyncEnumerable<ItemInfo> ListLevelAsync(string directory, string prefix)
#pragma warning restore CS1998
    {
        var start = directory.Length == 0 ? "" : directory + "/";
        List<ItemInfo> items;
        lock (_place)
        {
            if (directory.Length > 0 && !(_place.Entries.TryGetValue(directory, out var entry) && entry.IsDirectory))
                throw new StoreException(StoreError.ObjectNotFound);
            items = [.. _place.Entries
                .Where(pair => pair.Key.StartsWith(start + prefix, StringComparison.Ordinal) && !pair.Key[start.Length..].Contains('/'))
                .Select(pair => pair.Value.ToItem(pair.Key[start.Length..]))];
        }
        foreach (var item in items) yield return item;
    }

    private void CheckExists()
    {
        if (!_place.Exists) throw new StoreException(StoreError.StoreDoesNotExist);
    }

    // Directories are created with the first item in them.
    private void CheckTarget(string name, StoreMode mode)
    {
        MakeParents(name);
        if (_place.Entries.TryGetValue(name, out var entry) && (entry.IsDirectory || mode == StoreMode.CreateNew)) throw Taken();
    }

    private void MakeParents(string name)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
            if (!_place.Entries.TryAdd(name[..slash], default) && !_place.Entries[name[..slash]].IsDirectory)
                throw new StoreException(StoreError.ObjectAlreadyExists, $"'{name[..slash]}' is an item, so nothing can be below it");
    }

    private static StoreException Taken() => new(StoreError.ObjectAlreadyExists);

    private sealed class Place
    {
        public bool Exists { get; set; }

        public SortedDictionary<string, Entry> Entries { get; } = new(StringComparer.Ordinal);
    }

    // A directory has no value.
    private readonly record struct Entry(byte[]? Value, DateTime LastWriteTime)
    {
        public bool IsDirectory => Value is null;

        public ItemInfo ToItem(string name)
            => IsDirectory ? new(name, 0, IsDirectory: true) : new(name, Value!.Length, LastWriteTime: LastWriteTime);
    }
}
