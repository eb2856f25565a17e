using System.Diagnostics;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Measures how many bytes of values should be in flight in one direction: twice the throughput per round trip.</summary>
/// <remarks>
/// More in flight is not faster, but costs: what waits inside ssh and sshd waits in buffers that they copy completely again and
/// again while they grow. The round trip is the shortest seen; the rate is an average, because answers arrive in bursts, and the
/// rate within a burst says nothing about the connection. Both are measured anew from time to time, because connections change.
/// </remarks>
internal sealed class FlowControl
{
    private static readonly long Lifetime = 10 * Stopwatch.Frequency;
    private static readonly long MinSamplePeriod = Stopwatch.Frequency / 50;
    private readonly object _lock = new();
    private readonly int _min;
    private readonly int _max;
    private long _learnsSince;
    private long _shortestTrip = long.MaxValue;
    private long _countsSince;
    private long _counted;
    private int _window;

    /// <summary>Starts measuring.</summary>
    /// <param name="min">The minimum number of bytes, which is also the initial one.</param>
    /// <param name="max">The maximum number of bytes.</param>
    public FlowControl(int min, int max) => (_min, _max, _window) = (min, max, min);

    /// <summary>The number of bytes that should be in flight.</summary>
    public int Window => Volatile.Read(ref _window);

    /// <summary>Records the arrival of bytes.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="departure">When they were sent or requested, in ticks of <see cref="Stopwatch"/>.</param>
    public void RecordArrival(int count, long departure) => RecordArrival(count, departure, Stopwatch.GetTimestamp());

    /// <summary>Records the arrival of bytes.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="departure">When they were sent or requested.</param>
    /// <param name="now">The current time.</param>
    internal void RecordArrival(int count, long departure, long now)
    {
        lock (_lock)
        {
            if (now - _learnsSince > Lifetime)
                (_learnsSince, _shortestTrip, _window, _countsSince, _counted) = (now, long.MaxValue, _min, departure, 0);
            _counted += count;
            _shortestTrip = Math.Min(_shortestTrip, Math.Max(1, now - departure));
            var time = now - _countsSince;
            if (time < Math.Max(MinSamplePeriod, _shortestTrip)) return;
            _window = (int)Math.Clamp(2.0 * _counted / time * _shortestTrip, _min, _max);
            (_countsSince, _counted) = (now, 0);
        }
    }
}
