using System.Diagnostics;
using System.Globalization;
using BorgStore.PowerShell.Views;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>How far a phase of a cmdlet's work is. Counting is thread-safe. A percentage is only given when the total is known.</summary>
/// <param name="name">What is done, if the cmdlet has several phases.</param>
internal sealed class PhaseProgress(string? name = null)
{
    // Items take time besides that for their bytes, as much as this many.
    private const int ItemWeight = 4096;

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _ended;
    private long _advanced;
    private long _moved;
    private long _settled;
    private long _expected;
    private long _skipped;
    private long _skippedBytes;
    private Total? _total;

    /// <summary>Returns the number of names compared in search of the work, which is shown as long as the total is not known.</summary>
    public Func<long>? Compared { get; init; }

    /// <summary>Counts a job that has ended.</summary>
    public void End() => Interlocked.Increment(ref _ended);

    /// <summary>Counts a step of a job. If no steps are counted, the jobs are.</summary>
    public void Advance() => Interlocked.Increment(ref _advanced);

    /// <summary>Counts bytes read or written.</summary>
    /// <param name="bytes">The number of bytes.</param>
    public void Move(long bytes) => Interlocked.Add(ref _moved, bytes);

    /// <summary>Announces bytes that will be read or written.</summary>
    /// <param name="bytes">The number of bytes.</param>
    public void Expect(long bytes) => Interlocked.Add(ref _expected, bytes);

    /// <summary>Counts announced bytes that did not have to be moved, or could not be.</summary>
    /// <param name="bytes">The number of bytes; negative if some were moved more than once.</param>
    public void Settle(long bytes) => Interlocked.Add(ref _settled, bytes);

    /// <summary>Removes an item from the total, because nothing is done with it.</summary>
    /// <param name="bytes">Its part of the total [bytes].</param>
    public void Skip(long bytes)
    {
        Interlocked.Increment(ref _skipped);
        Interlocked.Add(ref _skippedBytes, bytes);
    }

    /// <summary>Sets the total, once it is known.</summary>
    /// <param name="items">The number of items.</param>
    /// <param name="bytes">The number of bytes that will be moved for them.</param>
    public void SetTotal(long items, long bytes) => Volatile.Write(ref _total, new(items, bytes));

    /// <summary>Describes the progress.</summary>
    /// <param name="running">The number of jobs that run.</param>
    /// <param name="isAll">Whether all jobs have begun, so that what they announced is the total.</param>
    public ProgressReport Describe(int running, bool isAll)
    {
        var time = Stopwatch.GetElapsedTime(_start);
        var done = Interlocked.Read(ref _advanced) is > 0 and var advanced ? advanced : Interlocked.Read(ref _ended);
        var moved = Interlocked.Read(ref _moved);
        var total = FindTotal(done + running, isAll && moved > 0);
        var culture = CultureInfo.CurrentCulture;
        var phase = name is null ? "" : $"{name}: ";
        var compared = Compared is not null && total is null ? string.Create(culture, $"{Compared():n0} compared, ") : "";
        var of = total is null ? "" : string.Create(culture, $" of {Math.Max(done, total.Items):n0}");
        var volume = moved > 0 ? $", {ViewText.Size(moved)} at {ViewText.Rate(moved / time.TotalSeconds)}" : "";
        var status = string.Create(culture, $"{phase}{compared}{done:n0}{of} done, {done / time.TotalSeconds:n0} per second{volume}, {running} in progress");

        if (total is null || ItemWeight * total.Items + total.Bytes is not (> 0 and var all)) return new(status);
        var work = Math.Clamp(ItemWeight * done + moved + Interlocked.Read(ref _settled), 0, all);
        var left = work > 0 ? (int)Math.Min(int.MaxValue, time.TotalSeconds * (all - work) / work) : (int?)null;
        return new(status, (int)(100.0 * work / all), left);
    }

    private Total? FindTotal(long begun, bool isAll)
    {
        if (Volatile.Read(ref _total) is var (items, bytes)) return new(items - Interlocked.Read(ref _skipped), bytes - Interlocked.Read(ref _skippedBytes));
        return isAll && Interlocked.Read(ref _expected) is > 0 and var expected ? new(begun, expected) : null;
    }

    private sealed record Total(long Items, long Bytes);
}

/// <summary>What a progress display shows.</summary>
/// <param name="Status">The description.</param>
/// <param name="Percent">The share that is done, if the total is known.</param>
/// <param name="SecondsLeft">The remaining time, if the total is known.</param>
internal readonly record struct ProgressReport(string Status, int? Percent = null, int? SecondsLeft = null);
