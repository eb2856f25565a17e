using System.Diagnostics;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Measures how many bytes of values should be in flight in one direction: twice the throughput per round trip.</summary>
/// <remarks>
/// More in flight is not faster, but costs: what waits inside ssh and sshd waits in buffers that they copy completely again and
/// again while they grow. The round trip is the shortest seen; the rate is an average, because answers arrive in bursts, and the
/// rate within a burst says nothing about the connection. Both are measured anew from time to time, because connections change.
/// </remarks>
internal sealed class Flow
{
    private static readonly long Lifetime = 10 * Stopwatch.Frequency;
    private static readonly long ShortestAverage = Stopwatch.Frequency / 50;
    private readonly object _lock = new();
    private readonly int _least;
    private readonly int _most;
    private long _learnsSince;
    private long _shortestTrip = long.MaxValue;
    private long _countsSince;
    private long _counted;
    private int _window;

    /// <summary>Starts measuring.</summary>
    /// <param name="least">The minimum number of bytes, which is also the initial one.</param>
    /// <param name="most">The maximum number of bytes.</param>
    public Flow(int least, int most) => (_least, _most, _window) = (least, most, least);

    /// <summary>The number of bytes that should be in flight.</summary>
    public int Window => Volatile.Read(ref _window);

    /// <summary>Records the arrival of bytes.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="departure">When they were sent or requested, in ticks of <see cref="Stopwatch"/>.</param>
    public void Arrive(int count, long departure) => Arrive(count, departure, Stopwatch.GetTimestamp());

    /// <summary>Records the arrival of bytes.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="departure">When they were sent or requested.</param>
    /// <param name="now">The current time.</param>
    internal void Arrive(int count, long departure, long now)
    {
        lock (_lock)
        {
            if (now - _learnsSince > Lifetime)
                (_learnsSince, _shortestTrip, _window, _countsSince, _counted) = (now, long.MaxValue, _least, departure, 0);
            _counted += count;
            _shortestTrip = Math.Min(_shortestTrip, Math.Max(1, now - departure));
            var time = now - _countsSince;
            if (time < Math.Max(ShortestAverage, _shortestTrip)) return;
            _window = (int)Math.Clamp(2.0 * _counted / time * _shortestTrip, _least, _most);
            (_countsSince, _counted) = (now, 0);
        }
    }
}
