using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Pending answers, awaited in the order of their requests.</summary>
internal sealed class ReplyQueue
{
    private readonly Queue<ValueTask<Reply>> _answers = new();

    /// <summary>The number of pending answers.</summary>
    public int Count => _answers.Count;

    /// <summary>Whether the first answer has arrived.</summary>
    public bool HasArrived => _answers.TryPeek(out var first) && first.IsCompleted;

    /// <summary>Adds the answer to a request.</summary>
    /// <param name="answer">The answer, which must not be awaited elsewhere.</param>
    public void Enqueue(ValueTask<Reply> answer) => _answers.Enqueue(answer);

    /// <summary>Removes the first answer and waits for it.</summary>
    public ValueTask<Reply> DequeueAsync() => _answers.Dequeue();

    /// <summary>Waits for the remaining answers and discards them.</summary>
    public async Task DropAsync()
    {
        while (_answers.TryDequeue(out var answer)) await Reply.DropAsync(answer).ConfigureAwait(false);
    }
}
