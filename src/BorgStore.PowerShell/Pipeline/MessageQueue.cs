namespace BorgStore.PowerShell.Pipeline;

/// <summary>The bounded queue of messages from the workers to the pipeline thread. Writers wait while it is full.</summary>
/// <remarks>A channel would wake a pool thread for each message just to wake the pipeline thread.</remarks>
internal sealed class MessageQueue
{
    private const int Length = 512;

    // Waking a thread takes tens of microseconds, a small item only a few. So the pipeline thread looks a while for the message before it
    // sleeps, and gives its processor to any other thread that wants it.
    private const int LooksBeforeSleep = 40;

    private readonly object _lock = new();
    private readonly CancellationToken _stopping;
    private readonly Queue<Message> _messages = new();
    private TaskCompletionSource? _room;
    private volatile bool _hasMessages;
    private bool _isAwaited;
    private bool _isClosed;

    /// <summary>Creates a queue.</summary>
    /// <param name="stopping">A token that ends waits of the pipeline thread.</param>
    public MessageQueue(CancellationToken stopping)
    {
        _stopping = stopping;
        stopping.UnsafeRegister(static queue => ((MessageQueue)queue!).Wake(), this);
    }

    /// <summary>Writes a message, and waits while the queue is full.</summary>
    /// <returns>Whether the message was accepted; a closed queue accepts none.</returns>
    public ValueTask<bool> WriteAsync(Message message)
    {
        lock (_lock)
        {
            if (_isClosed) return ValueTask.FromResult(false);
            _messages.Enqueue(message);
            _hasMessages = true;
            if (_isAwaited) Monitor.Pulse(_lock);
            if (_messages.Count < Length) return ValueTask.FromResult(true);
            _room ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return WaitAsync(_room.Task);
        }

        static async ValueTask<bool> WaitAsync(Task room)
        {
            await room;
            return true;
        }
    }

    /// <summary>Takes the oldest message, if there is one.</summary>
    public bool TryTake(out Message message)
    {
        lock (_lock)
        {
            if (!_messages.TryDequeue(out message)) return false;
            _hasMessages = _messages.Count > 0;
            if (_messages.Count < Length / 2) MakeRoom();
            return true;
        }
    }

    /// <summary>Waits for a message, until the limit or cancellation.</summary>
    /// <param name="limit">The maximum time to wait.</param>
    /// <returns>Whether there is a message.</returns>
    public bool Wait(TimeSpan limit)
    {
        var looking = new SpinWait();
        while (!_hasMessages && looking.Count < LooksBeforeSleep) looking.SpinOnce(sleep1Threshold: -1);
        lock (_lock)
        {
            if (_messages.Count > 0) return true;
            if (_stopping.IsCancellationRequested) return false;
            _isAwaited = true;
            Monitor.Wait(_lock, limit);
            _isAwaited = false;
            return _messages.Count > 0;
        }
    }

    /// <summary>Closes the queue for writers. Messages in the queue can still be taken.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            MakeRoom();
        }
    }

    private void Wake()
    {
        lock (_lock) Monitor.Pulse(_lock);
    }

    private void MakeRoom()
    {
        _room?.SetResult();
        _room = null;
    }
}

/// <summary>The kinds of messages from workers to the pipeline thread.</summary>
internal enum MessageKind
{
    Result,
    Error,
    Warning,

    /// <summary>The job has ended. The content is its target, or null if it failed or did not start.</summary>
    End,
}

/// <summary>A message from a worker to the pipeline thread.</summary>
internal readonly record struct Message(long Job, MessageKind Kind, object? Content);
