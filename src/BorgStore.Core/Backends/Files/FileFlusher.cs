using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>Writes changes to disk as the chosen durability demands.</summary>
/// <remarks>Where one sync of the whole file system can be trusted (<see cref="FileSystem.SyncsAll"/>), many changes
/// share it. Elsewhere each value is synced before it gets its name, and names are synced one at a time.</remarks>
/// <param name="fileSystem">The file system.</param>
/// <param name="durability">When values are safe from a power cut.</param>
/// <param name="warning">Called when a sync in the background fails, and when one succeeds again.</param>
internal sealed class FileFlusher(FileSystem fileSystem, Durability durability, Action<string>? warning = null) : IAsyncDisposable
{
    // Early enough to finish within the promised second, unless the disk is very busy.
    private static readonly TimeSpan BackgroundDelay = TimeSpan.FromMilliseconds(800);

    // From this number on, a shared sync of the file system is faster than two syncs by each writer.
    private const int SharingWriters = 4;

    private readonly object _lock = new();
    private readonly UnsyncedValues _values = new();
    // Directories whose own names are on disk.
    private readonly ConcurrentDictionary<string, bool> _syncedDirectories = new();
    private HashSet<string> _names = [];
    private SafeFileHandle? _root;
    private Timer? _timer;
    private StoreException? _lastFailure;
    private StoreException? _backgroundFailure;
    private Task? _running;
    private Task? _next;
    private int _isDirty;
    private int _writers;
    private bool _isFailing;
    private bool _isClosed;

    /// <summary>Whether operations wait for the disk.</summary>
    public bool IsSlow => durability == Durability.Each || (durability == Durability.Batch && !SyncsAll);

    /// <summary>Records that a directory is about to be created.</summary>
    public void OnCreatingDirectory(string directory) => _syncedDirectories.TryRemove(directory, out _);

    /// <summary>Starts a change, which ends when the result is disposed. The file system is kept open from the first change
    /// on, because the kernel reports a write failure only through descriptors that were open when it happened.</summary>
    public Change BeginChange()
    {
        if (durability != Durability.None && fileSystem.SyncsAll && Volatile.Read(ref _root) is null)
            lock (_lock)
                _root ??= fileSystem.OpenRoot()
                    ?? throw new StoreException(StoreError.StoreDoesNotExist);
        return new Change(this);
    }

    /// <summary>Makes the bytes of a written file durable before it gets its name, unless a later sync will do that.</summary>
    /// <returns>Whether its bytes are on disk.</returns>
    public async ValueTask<bool> PersistValueAsync(SafeFileHandle file, string name)
    {
        if (durability == Durability.None) return false;
        if (durability == Durability.Each && IsShared)
        {
            await SyncSharedAsync().ConfigureAwait(false);
            return true;
        }
        if (durability == Durability.Batch && fileSystem.SyncsAll && _values.TryAdd(name)) return false;
        fileSystem.Sync(file);
        return true;
    }

    /// <summary>Makes the name of a stored value durable, now or with the next sync.</summary>
    /// <param name="name">The item.</param>
    /// <param name="isValueSafe">The result of <see cref="PersistValueAsync"/>.</param>
    public ValueTask PersistStoredAsync(string name, bool isValueSafe)
    {
        if (isValueSafe) _values.Remove(name);
        return PersistNameAsync(name);
    }

    /// <summary>Makes the deletion of an item durable, now or with the next sync.</summary>
    public ValueTask PersistDeletedAsync(string name, bool wasThere)
    {
        _values.Remove(name);
        return wasThere ? PersistNameAsync(name) : ValueTask.CompletedTask;
    }

    /// <summary>Makes the move of an item durable, now or with the next sync.</summary>
    public async ValueTask PersistMovedAsync(string name, string newName)
    {
        _values.Move(name, newName);
        await PersistNameAsync(newName).ConfigureAwait(false);
        if (FileSystem.DirectoryOf(name) != FileSystem.DirectoryOf(newName))
            await PersistNameAsync(name).ConfigureAwait(false);
    }

    /// <summary>Makes an added or removed name durable, now or with the next sync; does nothing without durability.</summary>
    public ValueTask PersistNameAsync(string name)
    {
        switch (durability)
        {
            case Durability.Batch:
                RecordChange(name);
                break;
            case Durability.Each when IsShared:
                return new ValueTask(SyncSharedAsync());
            case Durability.Each:
                SyncNames([name]);
                break;
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>Returns when everything written before the call is on disk.</summary>
    /// <remarks>Throws as long as this is uncertain for any value: see <see cref="UnsyncedValues"/>.</remarks>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (durability != Durability.Batch) return;
        try
        {
            // A sync already running may cover changes of this caller; its failure is then this flush's failure too.
            var sync = Volatile.Read(ref _isDirty) != 0 ? SyncSharedAsync() : Running;
            if (sync is not null) await sync.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (Interlocked.Exchange(ref _backgroundFailure, null) is { } failure) throw failure;
            if (_values.HasLost) throw _lastFailure!;
        }
        catch (StoreException failure)
        {
            Interlocked.Exchange(ref _backgroundFailure, null);
            throw new StoreException(failure.Error, Explain(failure), innerException: failure);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _isClosed = true;
        if (_timer is not null) await _timer.DisposeAsync().ConfigureAwait(false);
        try
        {
            await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _root?.Dispose();
        }
    }

    private Task? Running
    {
        get
        {
            lock (_lock) return _next ?? (_running is { IsCompleted: false } ? _running : null);
        }
    }

    // After a failure each file is synced by its own handle, the only reliable way to know whether its bytes arrived.
    private bool SyncsAll => fileSystem.SyncsAll && !_values.HasFailed;

    private bool IsShared => SyncsAll && Volatile.Read(ref _writers) >= SharingWriters;

    private void RecordChange(string name)
    {
        if (!fileSystem.SyncsAll)
            lock (_lock) _names.Add(name);
        if (Volatile.Read(ref _isDirty) == 0 && Interlocked.Exchange(ref _isDirty, 1) == 0)
            lock (_lock) StartTimer();
    }

    private void StartTimer()
    {
        if (_isClosed) return;
        _timer ??= new Timer(
            static state => _ = ((FileFlusher)state!).FlushInBackgroundAsync(), this, Timeout.Infinite, Timeout.Infinite);
        _timer.Change(BackgroundDelay, Timeout.InfiniteTimeSpan);
    }

    // Repeated failures are reported once, and then their end.
    private async Task FlushInBackgroundAsync()
    {
        if (Volatile.Read(ref _isDirty) == 0) return;
        try
        {
            await SyncSharedAsync().ConfigureAwait(false);
            if (!_isFailing) return;
            _isFailing = false;
            warning?.Invoke($"The disk accepts writes to the store again.{(_values.Describe() is { } lost ? $" But {lost}." : "")}");
        }
        catch (StoreException failure)
        {
            Interlocked.CompareExchange(ref _backgroundFailure, failure, null);
            if (_isFailing) return;
            _isFailing = true;
            warning?.Invoke($"Could not flush to disk the values written to the store: {Explain(failure)}. It is tried again.");
        }
    }

    private string Explain(StoreException failure) => _values.Describe() is { } lost ? $"{failure.Message.TrimEnd('.')}; {lost}" : failure.Message.TrimEnd('.');

    // Starts a new sync after the call, because a running one may have missed what was just written.
    private Task SyncSharedAsync()
    {
        lock (_lock)
        {
            if (_next is not null) return _next;
            if (_running is { IsCompleted: false } running) return _next = SyncAfterAsync(running);
            return _running = Task.Run(Sync);
        }
    }

    private async Task SyncAfterAsync(Task running)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.ForceYielding | ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            _running = _next;
            _next = null;
        }
        Sync();
        // The system reports a failure only once, and it may concern what was written for this sync.
        await running.ConfigureAwait(false);
    }

    private void Sync()
    {
        Interlocked.Exchange(ref _isDirty, 0);
        HashSet<string> names;
        lock (_lock) (names, _names) = (_names, []);
        _values.BeginSync();
        try
        {
            if (fileSystem.SyncsAll) fileSystem.SyncAll(_root!);
            else SyncNames(names);
            _values.EndSync(hasFailed: false);
        }
        catch (StoreException failure)
        {
            _values.EndSync(hasFailed: true);
            _lastFailure = failure;
            lock (_lock)
            {
                _names.UnionWith(names);
                Volatile.Write(ref _isDirty, 1);
                if (durability == Durability.Batch) StartTimer();
            }
            throw;
        }
    }

    private void SyncNames(IReadOnlyCollection<string> names)
    {
        // Some FUSE file systems don't forward the sync of a directory, but the sync of a file includes its name.
        if (!fileSystem.SyncsAll)
            foreach (var name in names) fileSystem.SyncNamed(name);
        foreach (var parent in names.Select(FileSystem.DirectoryOf).Distinct())
        {
            fileSystem.SyncDirectory(parent);
            // A directory that another writer just created, in this process or elsewhere, may not be on disk yet.
            for (var directory = parent; directory.Length > 0; directory = FileSystem.DirectoryOf(directory))
            {
                if (_syncedDirectories.ContainsKey(directory)) continue;
                fileSystem.SyncDirectory(FileSystem.DirectoryOf(directory));
                _syncedDirectories.TryAdd(directory, true);
            }
        }
    }

    /// <summary>A change in progress.</summary>
    internal readonly struct Change : IDisposable
    {
        private readonly FileFlusher _flusher;

        public Change(FileFlusher flusher)
        {
            _flusher = flusher;
            Interlocked.Increment(ref flusher._writers);
        }

        public void Dispose() => Interlocked.Decrement(ref _flusher._writers);
    }
}
