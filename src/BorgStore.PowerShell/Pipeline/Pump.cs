using System.Diagnostics;
using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Runs the work of one cmdlet in the background. Workers never touch the cmdlet: all that they tell passes through one
/// bounded queue, which the pipeline thread empties whenever it is here.</summary>
internal sealed class Pump
{
    // A record that comes after a silence of the upstream may wait as long as that silence was for its results. So a slow upstream
    // sees each result before it delivers the next record, while a quick one never waits: ProcessRecord cannot be woken later, as
    // it does not run then. At the worst, half of the time is spent waiting.
    private static readonly TimeSpan LeastLinger = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestLinger = TimeSpan.FromSeconds(1);

    // How many names a warning lists.
    private const int MostNames = 3;

    private readonly StoreCommand _cmdlet;
    private readonly PumpOptions _options;
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
    private volatile bool _isAbandoned;

    /// <summary>Makes a pump.</summary>
    /// <param name="cmdlet">Whose pipeline thread this is.</param>
    /// <param name="activity">What progress is shown as.</param>
    /// <param name="options">How it works.</param>
    /// <param name="stopping">Ends everything.</param>
    public Pump(StoreCommand cmdlet, string activity, PumpOptions options, CancellationToken stopping)
    {
        _cmdlet = cmdlet;
        _options = options;
        _stopping = stopping;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _messages = new(stopping);
        _progress = new(cmdlet, activity);
    }

    private int Outstanding => (int)(_posted - _ended);

    /// <summary>Begins a job as soon as there is a place for it, and hands on what others have told meanwhile.</summary>
    /// <param name="target">What the job is about: the target of its error.</param>
    /// <param name="work">The job. What it throws becomes one error record.</param>
    public void Post(object target, Func<JobOutput, CancellationToken, Task> work)
    {
        var quiet = Stopwatch.GetElapsedTime(_lastReturn);
        while (Outstanding >= _options.Parallelism + _options.Waiting) Take(Timeout.InfiniteTimeSpan);
        Begin(new(_posted++, target, work));
        // One at a time: all outputs of a record come before the next record is read, so that -PipelineVariable names its source.
        if (_options.Parallelism == 1) Drain();
        else HandOnReady(quiet);
    }

    /// <summary>Hands on what jobs have told. To be called for a record that joins a job which waits already.</summary>
    public void HandOnReady() => HandOnReady(Stopwatch.GetElapsedTime(_lastReturn));

    /// <summary>Waits for all jobs and hands on what they tell.</summary>
    public void Complete()
    {
        Drain();
        _progress.Complete();
    }

    /// <summary>Ends the jobs because the pipeline ends early: as it is stopped, as nobody downstream wants more, or by an error.</summary>
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
        Tell(finished, failed);
    }

    private void Drain()
    {
        while (Outstanding > 0) Take(Timeout.InfiniteTimeSpan);
    }

    private void Begin(Job job)
    {
        lock (_waiting)
        {
            _waiting.Enqueue(job);
            if (_workers == _options.Parallelism) return;
            _workers++;
        }
        // On threads of the pool: what blocks in a storage's system calls must not block the next job.
        _ = Task.Run(WorkAsync, CancellationToken.None);
    }

    // Does one job after the other, as long as there are any.
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
        var output = new JobOutput(_messages, _progress, job.Number);
        object? finished = null;
        try
        {
            if (!_isAbandoned)
            {
                await job.Work(output, _cancel.Token);
                finished = job.Target;
            }
        }
        catch (OperationCanceledException) when (_cancel.IsCancellationRequested)
        {
            // Nobody asks for it any more.
        }
        catch (Exception e)
        {
            await output.FailAsync(ErrorRecords.From(_options.Explain?.Invoke(e, job.Target) ?? e, job.Target));
        }
        await output.EndAsync(finished);
    }

    private void HandOnReady(TimeSpan quiet)
    {
        while (Take(TimeSpan.Zero))
        {
        }
        if (quiet >= LeastLinger) Linger(quiet < LongestLinger ? quiet : LongestLinger);
        _lastReturn = Stopwatch.GetTimestamp();
    }

    private void Linger(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (Outstanding > 0)
        {
            var left = limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !Take(left)) return;
        }
    }

    // Hands on one message. Waits for it if need be.
    private bool Take(TimeSpan limit)
    {
        _stopping.ThrowIfCancellationRequested();
        if (!_messages.TryTake(out var message) && (limit == TimeSpan.Zero || !Await(limit) || !_messages.TryTake(out message))) return false;
        _progress.Show(_ended, Math.Min(Outstanding, _options.Parallelism));
        if (!_options.IsOrdered || message.Job == _next)
        {
            HandOn(message);
            HandOnEarly();
            return true;
        }
        if (!_early.TryGetValue(message.Job, out var early)) _early[message.Job] = early = new();
        early.Enqueue(message);
        return true;
    }

    // Waits for a message, and looks at the progress now and then.
    private bool Await(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = limit == Timeout.InfiniteTimeSpan ? ProgressMeter.Interval : limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) return false;
            if (_messages.Wait(left < ProgressMeter.Interval ? left : ProgressMeter.Interval)) return true;
            _stopping.ThrowIfCancellationRequested();
            _progress.Show(_ended, Math.Min(Outstanding, _options.Parallelism));
        }
    }

    private void HandOn(Message message)
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

    // What jobs told before their turn, as their turn comes.
    private void HandOnEarly()
    {
        while (_early.TryGetValue(_next, out var early))
        {
            if (!early.TryDequeue(out var message)) return;
            HandOn(message);
        }
    }

    // Lets the jobs that were begun come to their end, and remembers how they ended.
    private void FinishJobs(List<object> finished, List<ErrorRecord> failed)
    {
        try
        {
            while (Outstanding > 0)
            {
                if (!_messages.TryTake(out var message))
                {
                    Await(Timeout.InfiniteTimeSpan);
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
            // Ctrl-C: nothing is waited for.
        }
    }

    private void Tell(List<object> finished, List<ErrorRecord> failed)
    {
        if (finished.Count + failed.Count == 0) return;
        var text = "The pipeline ended early; what was begun by then was finished.";
        if (finished.Count > 0) text += $" Done: {finished.Count} ({Shorten(finished)}).";
        if (failed.Count > 0) text += $" Failed: {failed.Count} ({Shorten(failed.Select(error => error.TargetObject ?? ""))}). {failed[0].Exception.Message}";
        try
        {
            _cmdlet.WriteWarning(text);
        }
        catch (Exception e) when (e is RuntimeException or InvalidOperationException)
        {
            // The pipeline takes nothing any more, not even a warning.
        }
    }

    private static string Shorten(IEnumerable<object> names)
    {
        var shown = names.Take(MostNames + 1).ToList();
        return string.Join(", ", shown.Count > MostNames ? [.. shown[..MostNames], "…"] : shown);
    }

    private static void Drop(Message message)
    {
        if (message.Kind == MessageKind.Result) (message.Content as IDisposable)?.Dispose();
    }

    /// <summary>Something to do.</summary>
    /// <param name="Number">Its place in the order.</param>
    /// <param name="Target">What it is about.</param>
    /// <param name="Work">Does it.</param>
    private readonly record struct Job(long Number, object Target, Func<JobOutput, CancellationToken, Task> Work);
}
