using System.Threading.Tasks.Sources;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>A request that waits for its answer. It is used again for the next one, so that waiting allocates nothing.</summary>
/// <param name="slot">Its place among all that the connection has.</param>
/// <param name="recycle">Takes it back when its answer was fetched.</param>
internal sealed class PendingRequest(int slot, Action<PendingRequest> recycle) : IValueTaskSource<Reply>
{
    // The reader of the connection must never run what awaits an answer.
    private ManualResetValueTaskSourceCore<Reply> _source = new() { RunContinuationsAsynchronously = true };
    private Action? _arrived;

    /// <summary>The number on the wire. It differs from one use to the next, so that a late or invented answer is noticed.</summary>
    public uint Id { get; private set; } = (uint)slot;

    /// <summary>The kind of packet that would answer it.</summary>
    public PacketType Expected { get; private set; }

    /// <summary>Whether the answer may take its time.</summary>
    public bool IsLong { get; private set; }

    /// <summary>Whether nobody waits for the answer.</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>Whether there is no answer yet.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The answer to come.</summary>
    public ValueTask<Reply> Answer => new(this, _source.Version);

    /// <summary>Begins a use.</summary>
    public void Begin<TRequest>(in TRequest request, bool isForgotten, Action? arrived) where TRequest : struct, IRequest
    {
        Id += 1 << 16;
        _arrived = arrived;
        (Expected, IsLong, IsForgotten, IsWaiting) = (request.Answer, request.IsLong, isForgotten, true);
    }

    /// <summary>The answer is there.</summary>
    public void Complete(Reply reply)
    {
        _arrived?.Invoke();
        if (!IsForgotten)
        {
            _source.SetResult(reply);
            return;
        }
        reply.Dispose();
        recycle(this);
    }

    /// <summary>There will be no answer.</summary>
    public void Fail(Exception reason)
    {
        _arrived?.Invoke();
        if (IsForgotten) recycle(this);
        else _source.SetException(reason);
    }

    Reply IValueTaskSource<Reply>.GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            recycle(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<Reply>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<Reply>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _source.OnCompleted(continuation, state, token, flags);
}
