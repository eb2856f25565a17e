using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Provider;
using BorgStore.Backends;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Drive;

/// <summary>Base class of the provider: waits for the storage, stops on Ctrl-C, and writes failures as error records.</summary>
public abstract class StoreCmdletProvider : NavigationCmdletProvider, ILockingCommand
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _retries = new();

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Waits for an asynchronous operation or Ctrl-C.</summary>
    internal T Wait<T>(Func<CancellationToken, Task<T>> work)
    {
        try
        {
            var task = Task.Run(() => RunReportedAsync(work), _stop.Token);
            // WaitAny does not throw the task's exception wrapped in another.
            while (Task.WaitAny([task], (int)RetryInterval.TotalMilliseconds, _stop.Token) < 0) WriteRetries();
            WriteRetries();
            return task.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    T ILockingCommand.Wait<T>(Func<CancellationToken, Task<T>> work) => Wait(work);

    void ILockingCommand.WriteVerbose(string text) => WriteVerbose(text);

    void ILockingCommand.WriteWarning(string text) => WriteWarning(PrintableText.Escape(text));

    /// <summary>Waits for an asynchronous operation or Ctrl-C.</summary>
    internal void Wait(Func<CancellationToken, Task> work) => Wait(async token =>
    {
        await work(token);
        return true;
    });

    /// <summary>Takes items on the pipeline thread as a background task finds them, a limited number ahead.</summary>
    /// <param name="produce">The task, which writes results and errors. Its exception becomes an error record.</param>
    /// <param name="consume">Called for each result.</param>
    private protected void Stream<T>(Func<Func<T, ValueTask>, Func<ErrorRecord, ValueTask>, CancellationToken, Task> produce, Action<T> consume)
        where T : notnull
    {
        var cancel = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var queue = new MessageQueue(_stop.Token);
        _ = Task.Run(ProduceAsync, CancellationToken.None);
        try
        {
            while (true)
            {
                if (_stop.IsCancellationRequested) throw new PipelineStoppedException();
                if (!queue.TryTake(out var message))
                {
                    queue.Wait(Timeout.InfiniteTimeSpan);
                    continue;
                }
                WriteRetries();
                switch (message.Kind)
                {
                    case MessageKind.Result:
                        consume((T)message.Content!);
                        break;
                    case MessageKind.Error:
                        WriteError((ErrorRecord)message.Content!);
                        break;
                    default:
                        return;
                }
            }
        }
        finally
        {
            cancel.Cancel();
            queue.Close();
        }

        async Task ProduceAsync()
        {
            RetryScope.Enter(ReportRetry);
            try
            {
                await produce(async result => await queue.WriteAsync(new(0, MessageKind.Result, result)), FailAsync, cancel.Token);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                // Nothing more is needed.
            }
            catch (Exception e)
            {
                await FailAsync(ErrorRecords.From(e));
            }
            await queue.WriteAsync(new(0, MessageKind.End, null));
        }

        async ValueTask FailAsync(ErrorRecord error) => await queue.WriteAsync(new(0, MessageKind.Error, error));
    }

    /// <summary>Runs a step. A failure of the store becomes an error record, after which the command goes on with the next item.</summary>
    internal void Guard(Action step)
    {
        try
        {
            step();
        }
        catch (StoreException e)
        {
            WriteError(ErrorRecords.From(e));
        }
    }

    /// <summary>Writes a verbose message, with control characters escaped.</summary>
    private protected new void WriteVerbose(string text) => base.WriteVerbose(PrintableText.Escape(text));

    /// <summary>Handles <c>-WhatIf</c> and <c>-Confirm</c>, with control characters escaped.</summary>
    private protected new bool ShouldProcess(string target, string action)
        => base.ShouldProcess(PrintableText.Escape(target), PrintableText.Escape(action));

    private Task<T> RunReportedAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        RetryScope.Enter(ReportRetry);
        return work(_stop.Token);
    }

    private void ReportRetry(StoreRetry retry) => _retries.Enqueue(RetryScope.Describe(retry));

    private void WriteRetries()
    {
        while (_retries.TryDequeue(out var text)) WriteVerbose(text);
    }
}
