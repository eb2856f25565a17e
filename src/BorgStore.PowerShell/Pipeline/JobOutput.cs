using System.Management.Automation;
using System.Runtime.CompilerServices;
using BorgStore.Backends;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>The output of a job of a <see cref="JobRunner"/>. Writing waits while the queue to the pipeline is full.</summary>
internal readonly struct JobOutput(MessageQueue queue, PhaseProgress progress, JobRunnerOptions options, long job)
{
    private readonly StrongBox<long> _moved = new();
    private readonly StrongBox<long> _expected = new();

    /// <summary>The limit on the rate of transfers, if there is one.</summary>
    public RateLimit? Limit => options.Limit;

    /// <summary>The number of bytes that the job has read or written.</summary>
    public long Moved => Interlocked.Read(ref _moved.Value);

    /// <summary>Writes an object to the pipeline, or disposes it if the pipeline has ended.</summary>
    public async ValueTask WriteAsync(object result)
    {
        if (!await SendAsync(MessageKind.Result, result)) (result as IDisposable)?.Dispose();
    }

    /// <summary>Counts a step for the progress, if a job has many.</summary>
    public void Advance() => progress.Advance();

    /// <summary>Counts bytes read or written, for the progress.</summary>
    public void Move(long bytes)
    {
        progress.Move(bytes);
        Interlocked.Add(ref _moved.Value, bytes);
    }

    /// <summary>Announces bytes that will be read or written, for the progress.</summary>
    public void Expect(long bytes)
    {
        progress.Expect(bytes);
        Interlocked.Add(ref _expected.Value, bytes);
    }

    public async ValueTask WarnAsync(string text) => await SendAsync(MessageKind.Warning, text);

    public async ValueTask FailAsync(ErrorRecord error)
    {
        options.Log?.WriteFailed(error);
        await SendAsync(MessageKind.Error, error);
    }

    public async ValueTask EndAsync(object? target)
    {
        // An item that needed no bytes, or failed, is done all the same.
        if (Interlocked.Read(ref _expected.Value) is > 0 and var expected) progress.Settle(expected - Moved);
        progress.End();
        await SendAsync(MessageKind.End, target);
    }

    private ValueTask<bool> SendAsync(MessageKind kind, object? content) => queue.WriteAsync(new(job, kind, content));
}
