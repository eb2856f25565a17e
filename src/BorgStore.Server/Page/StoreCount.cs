using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Server.Page;

/// <summary>What the items of a store were counted to be.</summary>
/// <param name="Time">When the count ended (UTC).</param>
/// <param name="Items">The number of items that are not soft-deleted.</param>
/// <param name="Bytes">The total size of their values.</param>
/// <param name="DeletedItems">The number of soft-deleted items.</param>
/// <param name="DeletedBytes">The total size of their values.</param>
/// <param name="LastWrite">When an item was last written (UTC), if the storage knows.</param>
internal sealed record CountedItems(DateTime Time, long Items, long Bytes, long DeletedItems, long DeletedBytes, DateTime? LastWrite);

/// <summary>Counts the items of a store in the background, and keeps the result. A count is a listing of the whole store.</summary>
/// <param name="create">Creates a backend of the store.</param>
/// <param name="turns">Limits the counts that run at a time, of all stores.</param>
/// <param name="stopping">Canceled when the server stops.</param>
internal sealed class StoreCount(Func<IBackend> create, SemaphoreSlim turns, CancellationToken stopping)
{
    private const int ProgressInterval = 1000;

    private readonly Lock _lock = new();
    private Task _running = Task.CompletedTask;
    private long _soFar;

    /// <summary>Whether a count runs or waits for its turn.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>The number of items counted so far.</summary>
    public long SoFar => Interlocked.Read(ref _soFar);

    /// <summary>The last result, if there is one.</summary>
    public CountedItems? Result { get; private set; }

    /// <summary>Why the last count failed, if it did.</summary>
    public string? Error { get; private set; }

    /// <summary>Completes when the current count has ended.</summary>
    public Task Completion
    {
        get
        {
            lock (_lock) return _running;
        }
    }

    /// <summary>Starts a count, unless one is running.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (IsRunning || stopping.IsCancellationRequested) return;
            IsRunning = true;
            Interlocked.Exchange(ref _soFar, 0);
            _running = Task.Run(RunAsync, CancellationToken.None);
        }
    }

    /// <summary>Starts the first count, unless there was one.</summary>
    public void StartIfNever()
    {
        if (Result is null && Error is null) Start();
    }

    private async Task RunAsync()
    {
        try
        {
            await turns.WaitAsync(stopping);
            try
            {
                Error = null;
                await CountAsync();
            }
            finally
            {
                turns.Release();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nobody looks at the page of a server that stops.
        }
        catch (Exception e)
        {
            Error = e.Message;
        }
        finally
        {
            IsRunning = false;
        }
    }

    private async Task CountAsync()
    {
        // A backend of its own, so that a store can be destroyed in the meantime.
        await using var backend = create();
        await backend.OpenAsync(stopping);
        long items = 0, bytes = 0, deletedItems = 0, deletedBytes = 0;
        DateTime? lastWrite = null;
        try
        {
            await foreach (var item in backend.ListAsync("", ListScope.Tree, stopping))
            {
                if (Suffixes.IsDeleted(item.Name)) (deletedItems, deletedBytes) = (deletedItems + 1, deletedBytes + item.Size);
                else (items, bytes) = (items + 1, bytes + item.Size);
                if (item.LastWriteTime is { } written && !(written <= lastWrite)) lastWrite = written;
                if ((items + deletedItems) % ProgressInterval == 0) Interlocked.Exchange(ref _soFar, items + deletedItems);
            }
        }
        finally
        {
            // A listing that could not read a directory lists the others, and then fails.
            if (items + deletedItems > 0 || Result is null) Result = new(DateTime.UtcNow, items, bytes, deletedItems, deletedBytes, lastWrite);
        }
    }
}
