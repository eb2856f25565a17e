using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>Brings what was written to the disk, when the durability that was chosen says so.</summary>
internal sealed class FileFlusher(FileCalls calls, Durability durability) : IAsyncDisposable
{
    // Early enough to be done within the second that is promised, unless the disk is very busy.
    private static readonly TimeSpan BackgroundDelay = TimeSpan.FromMilliseconds(800);

    // From here on writers fare better with a common flush of the file system than each with two of its own.
    private const int SharingWriters = 4;

    private readonly object _lock = new();
    private HashSet<string> _unsynced = [];
    private SafeFileHandle? _root;
    private Timer? _timer;
    private FileFailure? _backgroundFailure;
    private Task? _running;
    private Task? _next;
    private int _isDirty;
    private int _writers;

    /// <summary>Whether operations wait for the disk.</summary>
    public bool IsSlow => durability == Durability.Each;

    /// <summary>Called with the parent of a directory that was made.</summary>
    public Action<string>? DirectoryMade { get; } = durability == Durability.Each ? calls.SyncDirectory : null;

    /// <summary>Called before a change, for as long as it takes. The file system is open from the first one on, since it tells a
    /// failure to write out only to those who had it open when it came to that.</summary>
    public Writing BeginChange()
    {
        if (durability != Durability.None && calls.SyncsAll && Volatile.Read(ref _root) is null)
            lock (_lock)
                _root ??= calls.OpenRoot()
                    ?? throw new FileFailure(StoreError.StoreDoesNotExist, "the directory of the store is gone");
        return new Writing(this);
    }

    /// <summary>Called with a written file before it gets its name.</summary>
    public ValueTask SecureValueAsync(SafeFileHandle file)
    {
        if (durability != Durability.Each) return ValueTask.CompletedTask;
        if (IsShared) return new ValueTask(SyncSharedAsync());
        calls.Sync(file);
        return ValueTask.CompletedTask;
    }

    /// <summary>Called after a name came or went.</summary>
    public ValueTask SecureNameAsync(string name)
    {
        switch (durability)
        {
            case Durability.Batch:
                NoteChange(name);
                break;
            case Durability.Each when IsShared:
                return new ValueTask(SyncSharedAsync());
            case Durability.Each:
                calls.SyncDirectory(FileCalls.DirectoryOf(name));
                break;
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>Returns when all that was written before the call is on the disk.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (durability != Durability.Batch) return;
        try
        {
            // What another one's flush took upon itself is waited for too, and its failure is the failure of this one.
            var sync = Volatile.Read(ref _isDirty) != 0 ? SyncSharedAsync() : Running;
            if (sync is not null) await sync.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (Interlocked.Exchange(ref _backgroundFailure, null) is { } failure) throw failure;
        }
        catch (FileFailure failure)
        {
            Interlocked.Exchange(ref _backgroundFailure, null);
            throw failure.While("bring to the disk what was written to", "");
        }
    }

    public async ValueTask DisposeAsync()
    {
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

    private bool IsShared => calls.SyncsAll && Volatile.Read(ref _writers) >= SharingWriters;

    private void NoteChange(string name)
    {
        if (!calls.SyncsAll)
            lock (_lock) _unsynced.Add(name);
        if (Volatile.Read(ref _isDirty) == 0 && Interlocked.Exchange(ref _isDirty, 1) == 0)
            lock (_lock)
            {
                _timer ??= new Timer(
                    static state => _ = ((FileFlusher)state!).FlushInBackgroundAsync(), this, Timeout.Infinite, Timeout.Infinite);
                _timer.Change(BackgroundDelay, Timeout.InfiniteTimeSpan);
            }
    }

    private async Task FlushInBackgroundAsync()
    {
        if (Volatile.Read(ref _isDirty) == 0) return;
        try
        {
            await SyncSharedAsync().ConfigureAwait(false);
        }
        catch (FileFailure failure)
        {
            Interlocked.CompareExchange(ref _backgroundFailure, failure, null);
        }
    }

    // One that begins after the call: the running one may have passed by what was just written.
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
    }

    private void Sync()
    {
        Interlocked.Exchange(ref _isDirty, 0);
        try
        {
            if (calls.SyncsAll) calls.SyncAll(_root!);
            else SyncNames();
        }
        catch (FileFailure)
        {
            Volatile.Write(ref _isDirty, 1);
            throw;
        }
    }

    private void SyncNames()
    {
        HashSet<string> names;
        lock (_lock) (names, _unsynced) = (_unsynced, []);
        try
        {
            calls.SyncNames(names);
        }
        catch (FileFailure)
        {
            lock (_lock) _unsynced.UnionWith(names);
            throw;
        }
    }

    /// <summary>A change under way.</summary>
    internal readonly struct Writing : IDisposable
    {
        private readonly FileFlusher _flusher;

        public Writing(FileFlusher flusher)
        {
            _flusher = flusher;
            Interlocked.Increment(ref flusher._writers);
        }

        public void Dispose() => Interlocked.Decrement(ref _flusher._writers);
    }
}
