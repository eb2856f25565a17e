using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Answers to come, awaited in the order of their requests.</summary>
internal sealed class AnswerQueue
{
    private readonly Queue<ValueTask<Reply>> _answers = new();

    /// <summary>How many there are.</summary>
    public int Count => _answers.Count;

    /// <summary>Whether the first one is there.</summary>
    public bool HasArrived => _answers.TryPeek(out var first) && first.IsCompleted;

    /// <summary>Adds the answer to a request.</summary>
    /// <param name="answer">The answer; nobody else awaits it.</param>
    public void Enqueue(ValueTask<Reply> answer) => _answers.Enqueue(answer);

    /// <summary>Takes the first one out.</summary>
    public ValueTask<Reply> DequeueAsync() => _answers.Dequeue();

    /// <summary>Waits for those that nobody wants any more.</summary>
    public async Task DropAsync()
    {
        while (_answers.TryDequeue(out var answer)) await Reply.DropAsync(answer).ConfigureAwait(false);
    }
}
