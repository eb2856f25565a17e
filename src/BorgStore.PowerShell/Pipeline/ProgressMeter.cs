using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Shows how far a cmdlet is: nothing while it is quick, then a few times a second. To be used on the pipeline thread, but for the
/// counting.</summary>
internal sealed class ProgressMeter(Cmdlet cmdlet, string activity)
{
    /// <summary>How long there is between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);
    private static int _lastId;
    private readonly int _id = Interlocked.Increment(ref _lastId);
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _last = Delay - Interval;
    private long _advanced;
    private long _moved;
    private bool _isShown;

    /// <summary>Counts a thing that a job did; without such, the jobs themselves are counted.</summary>
    public void Advance() => Interlocked.Increment(ref _advanced);

    /// <summary>Counts bytes that were read or written.</summary>
    /// <param name="bytes">How many.</param>
    public void Move(long bytes) => Interlocked.Add(ref _moved, bytes);

    /// <summary>Shows the state, where the last time is long enough ago.</summary>
    public void Show(long done, int underWay)
    {
        if (!IsDue(out var now)) return;
        if (Interlocked.Read(ref _advanced) is > 0 and var advanced) done = advanced;
        var moved = Interlocked.Read(ref _moved);
        var volume = moved > 0 ? $", {ViewText.Size(moved)} at {ViewText.Rate(moved / now.TotalSeconds)}" : "";
        Write(string.Create(CultureInfo.CurrentCulture, $"{done:n0} done, {done / now.TotalSeconds:n0} a second{volume}, {underWay} under way"));
    }

    /// <summary>Shows that something lasts, of which nobody knows how far it is.</summary>
    public void ShowWait()
    {
        if (IsDue(out var now)) Write(string.Create(CultureInfo.CurrentCulture, $"under way for {now.TotalSeconds:n0} s"));
    }

    /// <summary>Takes the display away.</summary>
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
            // The pipeline takes nothing any more; the host clears its display as the prompt comes back.
        }
    }

    private bool IsDue(out TimeSpan now)
    {
        now = Stopwatch.GetElapsedTime(_start);
        if (now - _last < Interval) return false;
        _last = now;
        return true;
    }

    private void Write(string status)
    {
        _isShown = true;
        cmdlet.WriteProgress(new(_id, activity, status));
    }
}
