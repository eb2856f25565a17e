using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Where a job of a <see cref="Pump"/> writes to. Waits while the pipeline is not ready to take more.</summary>
internal readonly struct JobOutput(MessageQueue queue, ProgressMeter progress, long job)
{
    /// <summary>Hands an object on. Where nobody takes it any more, it is disposed.</summary>
    public async ValueTask WriteAsync(object result)
    {
        if (!await SendAsync(MessageKind.Result, result)) (result as IDisposable)?.Dispose();
    }

    /// <summary>Counts something for the progress, where a job does many things.</summary>
    public void Advance() => progress.Advance();

    /// <summary>Counts bytes that were read or written for the progress.</summary>
    public void Move(long bytes) => progress.Move(bytes);

    public async ValueTask WarnAsync(string text) => await SendAsync(MessageKind.Warning, text);

    public async ValueTask FailAsync(ErrorRecord error) => await SendAsync(MessageKind.Error, error);

    public async ValueTask EndAsync(object? target) => await SendAsync(MessageKind.End, target);

    private ValueTask<bool> SendAsync(MessageKind kind, object? content) => queue.WriteAsync(new(job, kind, content));
}
