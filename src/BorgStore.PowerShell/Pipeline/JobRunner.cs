using System.Diagnostics;
using System.Management.Automation;
using System.Threading.Channels;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Runs the jobs of a cmdlet in the background. Workers never touch the cmdlet: all their messages go through a bounded queue, which the
/// pipeline thread empties whenever it runs.</summary>
internal sealed class JobRunner
{
    // After a pause upstream, a record may wait for its results as long as that pause lasted. A slow upstream thus sees each result before it sends
    // the next record, while a fast one never waits. Results cannot be written later, because nothing
    // wakes ProcessRecord. In the worst case, half of the time is spent waiting.
    private static readonly TimeSpan MinOutputWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MaxOutputWait = TimeSpan.FromSeconds(1);

    // The number of elements of a sequence that are read before their turn.
    private const int MaxReadAhead = 256;

    // The number of names listed in a warning.
    private const int MaxNames = 3;

    private readonly StoreCommand _cmdlet;
    private readonly JobRunnerOptions _options;
    private readonly MessageQueue _messages;
    private readonly Queue<Job> _waiting = new();
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _cancel;
    private readonly ProgressMeter _progress;
    private readonly Dictionary<long, Queue<Message>> _early = [];
    private int _workers;
    private long _posted;
    private long _ended;
    private long _next;
    private long _lastReturn = Stopwatch.GetTimestamp();
    private bool _inputHasEnded;
    private volatile bool _isAbandoned;

    /// <summary>Creates a job runner.</summary>
    /// <param name="cmdlet">The cmdlet whose pipeline thread uses the runner.</param>
    /// <param name="activity">The name of the activity in the progress display.</param>
    /// <param name="options">The options.</param>
    /// <param name="stopping">A token that cancels all jobs and waits.</param>
    public JobRunner(StoreCommand cmdlet, string activity, JobRunnerOptions options, CancellationToken stopping)
    {
        _cmdlet = cmdlet;
        _options = options;
        _stopping = stopping;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _messages = new(stopping);
        _progress = new(cmdlet, activity);
    }

    /// <summary>The phase whose progress is shown.</summary>
    public PhaseProgress Phase => _progress.Phase;

    private int Outstanding => (int)(_posted - _ended);

    /// <summary>Starts a job as soon as there is room for it, and writes the output of other jobs that is ready.</summary>
    /// <param name="target">The target of the job, which becomes the target of its errors.</param>
    /// <param name="work">The job. An exception becomes one error record.</param>
    public void Post(object target, Func<JobOutput, CancellationToken, Task> work)
    {
        var quiet = Stopwatch.GetElapsedTime(_lastReturn);
        while (Outstanding >= _options.Parallelism + _options.Waiting) TryWriteNext(Timeout.InfiniteTimeSpan);
        Begin(new(_posted++, target, work));
        // With one job at a time, all outputs of a record are written before the next record is read, so that -PipelineVariable holds their source.
        if (_options.Parallelism == 1) Drain();
        else WriteReadyOutput(quiet);
    }

    /// <summary>Writes the output that is ready. To be called for a record that was added to a waiting job.</summary>
    public void WriteReadyOutput() => WriteReadyOutput(Stopwatch.GetElapsedTime(_lastReturn));

    /// <summary>Runs a phase, whose progress is shown by itself: calls an action for each element of a sequence, and waits for the jobs that it posts.</summary>
    /// <param name="phase">The progress of the phase.</param>
    /// <param name="items">The elements, which are read ahead on another thread.</param>
    /// <param name="action">The action, which usually posts a job.</param>
    public void RunPhase<T>(PhaseProgress phase, IAsyncEnumerable<T> items, Action<T> action)
    {
        _progress.Phase = phase;
        ForEach(items, action);
        Drain();
    }

    /// <summary>Calls an action on the pipeline thread for each element of a sequence, and writes the output of jobs that is ready meanwhile.</summary>
    /// <param name="items">The elements, which are read ahead on another thread.</param>
    /// <param name="action">The action, which usually posts a job.</param>
    public void ForEach<T>(IAsyncEnumerable<T> items, Action<T> action)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(_stopping);
        var channel = Channel.CreateBounded<T>(new BoundedChannelOptions(MaxReadAhead) { SingleReader = true, SingleWriter = true });
        var reading = Task.Run(() => ReadAsync(_cmdlet, items, channel.Writer, abandon.Token), CancellationToken.None);
        Task<bool>? next = null;
        try
        {
            while (true)
            {
                while (channel.Reader.TryRead(out var item)) action(item);
                if (channel.Reader.Completion.IsCompleted) break;
                while (TryWriteNext(TimeSpan.Zero))
                {
                }
                ShowProgress();
                if (next is null or { IsCompleted: true }) next = channel.Reader.WaitToReadAsync(_stopping).AsTask();
                Task.WaitAny([next], (int)MinOutputWait.TotalMilliseconds, _stopping);
            }
        }
        finally
        {
            abandon.Cancel();
        }
        reading.GetAwaiter().GetResult();
    }

    /// <summary>Waits for all jobs so far and writes their output.</summary>
    public void Drain()
    {
        while (Outstanding > 0) TryWriteNext(Timeout.InfiniteTimeSpan);
    }

    /// <summary>Waits for all jobs, writes their output, and ends the progress display.</summary>
    public void Complete()
    {
        _inputHasEnded = true;
        Drain();
        _progress.Complete();
    }

    /// <summary>Ends the jobs when the pipeline ends early: when it is stopped, after an
    /// error, or because downstream needs no more input.</summary>
    public void Abandon()
    {
        if (_isAbandoned) return;
        _isAbandoned = true;
        var finished = new List<object>();
        var failed = new List<ErrorRecord>();
        if (_options.FinishesJobs && Outstanding > 0) FinishJobs(finished, failed);
        _cancel.Cancel();
        _messages.Close();
        while (_messages.TryTake(out var message)) Drop(message);
        foreach (var message in _early.Values.SelectMany(early => early)) Drop(message);
        _progress.Complete();
        ReportOutcome(finished, failed);
    }

    private static async Task ReadAsync<T>(StoreCommand cmdlet, IAsyncEnumerable<T> items, ChannelWriter<T> writer, CancellationToken cancellationToken)
    {
        RetryScope.Enter(retry => cmdlet.ReportRetry(retry));
        try
        {
            await foreach (var item in items.WithCancellation(cancellationToken)) await writer.WriteAsync(item, cancellationToken);
        }
        finally
        {
            writer.Complete();
        }
    }

    private void Begin(Job job)
    {
        lock (_waiting)
        {
            _waiting.Enqueue(job);
            if (_workers == _options.Parallelism) return;
            _workers++;
        }
        // On the thread pool, because blocking system calls of a storage must not block the next job.
        _ = Task.Run(WorkAsync, CancellationToken.None);
    }

    // Runs jobs one after another until none is waiting.
    private async Task WorkAsync()
    {
        while (true)
        {
            Job job;
            lock (_waiting)
            {
                if (!_waiting.TryDequeue(out job))
                {
                    _workers--;
                    return;
                }
            }
            await RunAsync(job);
        }
    }

    private async Task RunAsync(Job job)
    {
        RetryScope.Enter(retry => _cmdlet.ReportRetry(retry, job.Target));
        var output = new JobOutput(_messages, Phase, _options, job.Number);
        var start = Stopwatch.GetTimestamp();
        object? finished = null;
        try
        {
            if (!_isAbandoned)
            {
                await job.Work(output, _cancel.Token);
                _options.Log?.WriteDone($"{job.Target}", output.Moved, Stopwatch.GetElapsedTime(start));
                finished = job.Target;
            }
        }
        catch (OperationCanceledException) when (_cancel.IsCancellationRequested)
        {
            // Canceled because the result is no longer needed.
        }
        catch (Exception e)
        {
            await output.FailAsync(ErrorRecords.From(_options.Explain?.Invoke(e, job.Target) ?? e, job.Target));
        }
        await output.EndAsync(finished);
    }

    private void WriteReadyOutput(TimeSpan quiet)
    {
        while (TryWriteNext(TimeSpan.Zero))
        {
        }
        if (quiet >= MinOutputWait) WaitForOutput(quiet < MaxOutputWait ? quiet : MaxOutputWait);
        _lastReturn = Stopwatch.GetTimestamp();
    }

    private void WaitForOutput(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (Outstanding > 0)
        {
            var left = limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !TryWriteNext(left)) return;
        }
    }

    // Takes and writes one message, waiting up to the limit if there is none.
    private bool TryWriteNext(TimeSpan limit)
    {
        _stopping.ThrowIfCancellationRequested();
        if (!_messages.TryTake(out var message) && (limit == TimeSpan.Zero || !WaitForMessage(limit) || !_messages.TryTake(out message))) return false;
        ShowProgress();
        if (!_options.IsOrdered || message.Job == _next)
        {
            WriteMessage(message);
            WriteEarlyMessages();
            return true;
        }
        if (!_early.TryGetValue(message.Job, out var early)) _early[message.Job] = early = new();
        early.Enqueue(message);
        return true;
    }

    private void ShowProgress()
    {
        if (!_isAbandoned) _cmdlet.WriteRetries();
        _progress.Show(Math.Min(Outstanding, _options.Parallelism), _inputHasEnded && Outstanding <= _options.Parallelism);
    }

    // Waits for a message, updating the progress regularly.
    private bool WaitForMessage(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = limit == Timeout.InfiniteTimeSpan ? ProgressMeter.Interval : limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            if (_messages.Wait(left < ProgressMeter.Interval ? left : ProgressMeter.Interval)) return true;
            _stopping.ThrowIfCancellationRequested();
            ShowProgress();
        }
    }

    private void WriteMessage(Message message)
    {
        switch (message.Kind)
        {
            case MessageKind.Result:
                var result = _options.Present is { } present ? present(message.Content!) : message.Content;
                _cmdlet.WriteObject(result, enumerateCollection: false);
                break;
            case MessageKind.Error:
                _cmdlet.WriteError((ErrorRecord)message.Content!);
                break;
            case MessageKind.Warning:
                _cmdlet.WriteWarning((string)message.Content!);
                break;
            default:
                _ended++;
                _early.Remove(_next++);
                break;
        }
    }

    // Writes messages that jobs sent before their turn, once it is their turn.
    private void WriteEarlyMessages()
    {
        while (_early.TryGetValue(_next, out var early))
        {
            if (!early.TryDequeue(out var message)) return;
            WriteMessage(message);
        }
    }

    // Lets started jobs finish, and collects their outcomes.
    private void FinishJobs(List<object> finished, List<ErrorRecord> failed)
    {
        try
        {
            while (Outstanding > 0)
            {
                if (!_messages.TryTake(out var message))
                {
                    WaitForMessage(Timeout.InfiniteTimeSpan);
                    continue;
                }
                if (message is { Kind: MessageKind.Error, Content: ErrorRecord error }) failed.Add(error);
                if (message.Kind != MessageKind.End) continue;
                _ended++;
                if (message.Content is { } target) finished.Add(target);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or PipelineStoppedException)
        {
            // Ctrl-C: do not wait.
        }
    }

    private void ReportOutcome(List<object> finished, List<ErrorRecord> failed)
    {
        if (finished.Count + failed.Count == 0) return;
        var text = "The pipeline ended early; operations that had begun were completed.";
        if (finished.Count > 0) text += $" Done: {finished.Count} ({Shorten(finished)}).";
        if (failed.Count > 0) text += $" Failed: {failed.Count} ({Shorten(failed.Select(error => error.TargetObject ?? ""))}). {failed[0].Exception.Message}";
        try
        {
            _cmdlet.WriteWarning(text);
        }
        catch (Exception e) when (e is RuntimeException or InvalidOperationException)
        {
            // The pipeline accepts nothing any more, not even a warning.
        }
    }

    private static string Shorten(IEnumerable<object> names)
    {
        var shown = names.Take(MaxNames + 1).ToList();
        return string.Join(", ", shown.Count > MaxNames ? [.. shown[..MaxNames], "…"] : shown);
    }

    private static void Drop(Message message)
    {
        if (message.Kind == MessageKind.Result) (message.Content as IDisposable)?.Dispose();
    }

    /// <summary>A job.</summary>
    /// <param name="Number">Its position in the order of jobs.</param>
    /// <param name="Target">The target of its errors.</param>
    /// <param name="Work">The work.</param>
    private readonly record struct Job(long Number, object Target, Func<JobOutput, CancellationToken, Task> Work);
}
