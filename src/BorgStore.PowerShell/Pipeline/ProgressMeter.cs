using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using BorgStore.PowerShell.Views;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Shows the progress of a cmdlet: nothing for the first second, then an update a few times a second. Only counting is thread-safe;
/// everything else must be called on the pipeline thread.</summary>
internal sealed class ProgressMeter(Cmdlet cmdlet, string activity)
{
    /// <summary>The time between two updates.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);
    private static int _lastId;
    private readonly int _id = Interlocked.Increment(ref _lastId);
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _last = Delay - Interval;
    private long _advanced;
    private long _moved;
    private long _expected;
    private bool _isShown;

    /// <summary>Counts a step of a job. If no steps are counted, the jobs are.</summary>
    public void Advance() => Interlocked.Increment(ref _advanced);

    /// <summary>Counts bytes read or written.</summary>
    /// <param name="bytes">The number of bytes.</param>
    public void Move(long bytes) => Interlocked.Add(ref _moved, bytes);

    /// <summary>Announces bytes that will be read or written.</summary>
    /// <param name="bytes">The number of bytes.</param>
    public void Expect(long bytes) => Interlocked.Add(ref _expected, bytes);

    /// <summary>Shows the progress, if an update is due.</summary>
    /// <param name="done">The number of jobs that have ended.</param>
    /// <param name="running">The number of jobs that run.</param>
    /// <param name="isAll">Whether all jobs so far have begun, so that what they announced is the total.</param>
    public void Show(long done, int running, bool isAll)
    {
        if (!IsDue(out var now)) return;
        if (Interlocked.Read(ref _advanced) is > 0 and var advanced) done = advanced;
        var moved = Interlocked.Read(ref _moved);
        var volume = moved > 0 ? $", {ViewText.Size(moved)} at {ViewText.Rate(moved / now.TotalSeconds)}" : "";
        Write(string.Create(CultureInfo.CurrentCulture, $"{done:n0} done, {done / now.TotalSeconds:n0} per second{volume}, {running} in progress"),
            isAll && Interlocked.Read(ref _expected) is > 0 and var expected && moved > 0 ? (moved, expected, now) : null);
    }

    /// <summary>Shows how long an operation with unknown progress has been running.</summary>
    public void ShowWait()
    {
        if (IsDue(out var now)) Write(string.Create(CultureInfo.CurrentCulture, $"in progress for {now.TotalSeconds:n0} s"));
    }

    /// <summary>Removes the progress display.</summary>
    public void Complete()
    {
        if (!_isShown) return;
        _isShown = false;
        try
        {
            cmdlet.WriteProgress(new(_id, activity, "Done") { RecordType = ProgressRecordType.Completed });
        }
        catch (Exception e) when (e is PipelineStoppedException or InvalidOperationException)
        {
            // The pipeline accepts nothing any more; the host clears its display when it shows the prompt.
        }
    }

    private bool IsDue(out TimeSpan now)
    {
        now = Stopwatch.GetElapsedTime(_start);
        if (now - _last < Interval) return false;
        _last = now;
        return true;
    }

    private void Write(string status, (long Moved, long Expected, TimeSpan Time)? total = null)
    {
        _isShown = true;
        var record = new ProgressRecord(_id, activity, status);
        if (total is var (moved, expected, time))
        {
            moved = Math.Min(moved, expected);
            record.PercentComplete = (int)(100.0 * moved / expected);
            record.SecondsRemaining = (int)Math.Min(int.MaxValue, time.TotalSeconds * (expected - moved) / moved);
        }
        cmdlet.WriteProgress(record);
    }
}
