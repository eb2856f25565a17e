using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>The requests in flight on a connection. Guarded by the connection's lock, except where a method says otherwise.</summary>
internal sealed class RequestTable
{
    private const int MaxSlots = 1 << 16;
    private readonly List<PendingRequest> _all = [];
    private readonly Stack<PendingRequest> _free = [];
    private readonly object _freeLock = new();

    /// <summary>The number of requests that wait for an answer. May be read without the lock.</summary>
    public int Waiting { get; private set; }

    /// <summary>The number of those whose answer may take long.</summary>
    public int Long { get; private set; }

    /// <summary>Adds a request.</summary>
    public PendingRequest Add<TRequest>(in TRequest request, bool isForgotten, Action? arrived) where TRequest : struct, IRequest
    {
        PendingRequest? pending;
        lock (_freeLock) _free.TryPop(out pending);
        if (pending is null)
        {
            if (_all.Count == MaxSlots)
                throw new StoreException(StoreError.BackendFailure, "More than 65536 requests wait for an SFTP server; use fewer at once.");
            _all.Add(pending = new PendingRequest(_all.Count, Recycle));
        }
        pending.Begin(request, isForgotten, arrived);
        Waiting++;
        if (pending.IsLong) Long++;
        return pending;
    }

    /// <summary>Removes the request that an answer belongs to.</summary>
    /// <param name="id">The number in the answer.</param>
    public PendingRequest Take(uint id)
    {
        var slot = (int)(id & (MaxSlots - 1));
        if (slot >= _all.Count || _all[slot] is not { IsWaiting: true } pending || pending.Id != id)
            throw new ProtocolException($"an answer has the number {id}, and no request has it");
        Stop(pending);
        return pending;
    }

    /// <summary>Removes all requests that wait for an answer.</summary>
    public List<PendingRequest> TakeAll()
    {
        var waiting = _all.Where(p => p.IsWaiting).ToList();
        waiting.ForEach(Stop);
        return waiting;
    }

    private void Stop(PendingRequest pending)
    {
        pending.IsWaiting = false;
        Waiting--;
        if (pending.IsLong) Long--;
    }

    // Called when an answer is fetched, without the connection's lock.
    private void Recycle(PendingRequest pending)
    {
        lock (_freeLock) _free.Push(pending);
    }
}
