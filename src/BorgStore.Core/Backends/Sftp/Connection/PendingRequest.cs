using System.Threading.Tasks.Sources;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>A request that waits for its answer. Objects are reused, so that waiting allocates nothing.</summary>
/// <param name="slot">Its index among all of the connection.</param>
/// <param name="recycle">Returns it for reuse after its answer was fetched.</param>
internal sealed class PendingRequest(int slot, Action<PendingRequest> recycle) : IValueTaskSource<Reply>
{
    // The connection's reader must never run the continuation of an awaiting caller.
    private ManualResetValueTaskSourceCore<Reply> _source = new() { RunContinuationsAsynchronously = true };
    private Action? _arrived;

    /// <summary>The number on the wire. It differs for each use, so that a late or bogus answer is detected.</summary>
    public uint Id { get; private set; } = (uint)slot;

    /// <summary>The type of packet that answers it.</summary>
    public PacketType Expected { get; private set; }

    /// <summary>Whether the answer may take long.</summary>
    public bool IsLong { get; private set; }

    /// <summary>Whether nobody awaits the answer.</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>Whether the answer has not arrived yet.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The pending answer.</summary>
    public ValueTask<Reply> ReplyTask => new(this, _source.Version);

    /// <summary>Starts a use of the object.</summary>
    public void Begin<TRequest>(in TRequest request, bool isForgotten, Action? arrived) where TRequest : struct, IRequest
    {
        Id += 1 << 16;
        _arrived = arrived;
        (Expected, IsLong, IsForgotten, IsWaiting) = (request.ExpectedReply, request.IsLong, isForgotten, true);
    }

    /// <summary>Completes the request with its answer.</summary>
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

    /// <summary>Completes the request with a failure.</summary>
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
