using System.Diagnostics;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Learns how many bytes of values a line holds in one direction: twice what passes within a round trip.</summary>
/// <remarks>
/// More in flight gets nothing there sooner, and costs: what waits inside ssh and sshd waits in buffers that they copy as a whole
/// again and again while they grow. The round trip is the shortest seen, and the rate an average: answers come in bursts, and the
/// rate within one says nothing of the line. Both are learned anew now and then, since lines change.
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

    /// <summary>Begins to learn.</summary>
    /// <param name="least">The fewest bytes, with which it begins.</param>
    /// <param name="most">The most bytes.</param>
    public Flow(int least, int most) => (_least, _most, _window) = (least, most, least);

    /// <summary>How many bytes are worth having in flight.</summary>
    public int Window => Volatile.Read(ref _window);

    /// <summary>Bytes have arrived.</summary>
    /// <param name="count">How many.</param>
    /// <param name="departure">When they were sent or asked for, in ticks of <see cref="Stopwatch"/>.</param>
    public void Arrive(int count, long departure) => Arrive(count, departure, Stopwatch.GetTimestamp());

    /// <summary>Bytes have arrived.</summary>
    /// <param name="count">How many.</param>
    /// <param name="departure">When they were sent or asked for.</param>
    /// <param name="now">The time.</param>
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
