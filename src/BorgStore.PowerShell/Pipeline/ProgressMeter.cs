using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Shows the progress of a cmdlet: nothing for the first second, then an update a few times a second. To be used on the pipeline thread,
/// except for the counting of the phase.</summary>
internal sealed class ProgressMeter(Cmdlet cmdlet, string activity)
{
    /// <summary>The time between two updates.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);
    private static int _lastId;
    private readonly int _id = Interlocked.Increment(ref _lastId);
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _last = Delay - Interval;
    private bool _isShown;

    /// <summary>The phase whose progress is shown.</summary>
    public PhaseProgress Phase { get; set; } = new();

    /// <summary>Shows the progress of the phase, if an update is due.</summary>
    /// <param name="running">The number of jobs that run.</param>
    /// <param name="isAll">Whether all jobs have begun, so that what they announced is the total.</param>
    public void Show(int running, bool isAll)
    {
        if (IsDue(out _)) Write(Phase.Describe(running, isAll));
    }

    /// <summary>Shows how long an operation with unknown progress has been running.</summary>
    public void ShowWait()
    {
        if (IsDue(out var now)) Write(new(string.Create(CultureInfo.CurrentCulture, $"in progress for {now.TotalSeconds:n0} s")));
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

    private void Write(ProgressReport report)
    {
        _isShown = true;
        var record = new ProgressRecord(_id, activity, report.Status);
        if (report.Percent is { } percent) record.PercentComplete = percent;
        if (report.SecondsLeft is { } left) record.SecondsRemaining = left;
        cmdlet.WriteProgress(record);
    }
}
