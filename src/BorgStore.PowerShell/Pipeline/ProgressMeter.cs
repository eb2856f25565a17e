using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Shows how far a cmdlet is: nothing while it is quick, then a few times a second.</summary>
internal sealed class ProgressMeter(Cmdlet cmdlet, string activity)
{
    /// <summary>How long there is between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(800);
    private readonly int _id = activity.GetHashCode(StringComparison.Ordinal) & 0xffff;
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _last = Delay - Interval;
    private long _advanced;
    private bool _isShown;

    /// <summary>Counts a thing that a job did; without such, the jobs themselves are counted.</summary>
    public void Advance() => Interlocked.Increment(ref _advanced);

    /// <summary>Shows the state, where the last time is long enough ago.</summary>
    public void Show(long done, int underWay)
    {
        var now = Stopwatch.GetElapsedTime(_start);
        if (now - _last < Interval) return;
        _last = now;
        _isShown = true;
        if (Interlocked.Read(ref _advanced) is > 0 and var advanced) done = advanced;
        var rate = done / now.TotalSeconds;
        cmdlet.WriteProgress(new(_id, activity, string.Create(CultureInfo.CurrentCulture,
            $"{done:n0} done, {rate:n0} a second, {underWay} under way")));
    }

    /// <summary>Takes the display away.</summary>
    public void Complete()
    {
        if (!_isShown) return;
        _isShown = false;
        cmdlet.WriteProgress(new(_id, activity, "Done") { RecordType = ProgressRecordType.Completed });
    }
}
