using System.Management.Automation;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>The output of a job of a <see cref="JobRunner"/>. Writing waits while the queue to the pipeline is full.</summary>
internal readonly struct JobOutput(MessageQueue queue, ProgressMeter progress, long job)
{
    /// <summary>Writes an object to the pipeline, or disposes it if the pipeline has ended.</summary>
    public async ValueTask WriteAsync(object result)
    {
        if (!await SendAsync(MessageKind.Result, result)) (result as IDisposable)?.Dispose();
    }

    /// <summary>Counts a step for the progress, if a job has many.</summary>
    public void Advance() => progress.Advance();

    /// <summary>Counts bytes read or written, for the progress.</summary>
    public void Move(long bytes) => progress.Move(bytes);

    public async ValueTask WarnAsync(string text) => await SendAsync(MessageKind.Warning, text);

    public async ValueTask FailAsync(ErrorRecord error) => await SendAsync(MessageKind.Error, error);

    public async ValueTask EndAsync(object? target) => await SendAsync(MessageKind.End, target);

    private ValueTask<bool> SendAsync(MessageKind kind, object? content) => queue.WriteAsync(new(job, kind, content));
}
