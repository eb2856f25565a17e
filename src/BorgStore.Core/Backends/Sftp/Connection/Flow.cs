using System.Diagnostics;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>Learns how many bytes of values a line holds in one direction: twice what passes within a round trip.</summary>
/// <remarks>
/// More in flight gets nothing there sooner, and costs: what waits inside ssh and sshd waits in buffers that they copy as a whole
/// again and again while they grow. The round trip is the shortest seen and the rate the highest, as in BBR
/// (draft-cardwell-iccrg-bbr-congestion-control); both are learned anew now and then, since lines change.
/// </remarks>
internal sealed class Flow
{
    private static readonly long Lifetime = 10 * Stopwatch.Frequency;
    private readonly object _lock = new();
    private readonly int _least;
    private readonly int _most;
    private long _arrived;
    private long _learnsSince = Stopwatch.GetTimestamp();
    private long _shortestTrip = long.MaxValue;
    private double _highestRate;
    private int _window;

    /// <summary>Begins to learn.</summary>
    /// <param name="least">The fewest bytes, with which it begins.</param>
    /// <param name="most">The most bytes.</param>
    public Flow(int least, int most) => (_least, _most, _window) = (least, most, least);

    /// <summary>How many bytes are worth having in flight.</summary>
    public int Window => Volatile.Read(ref _window);

    /// <summary>Remembers the moment at which bytes are sent or asked for.</summary>
    public Departure Depart() => new(Stopwatch.GetTimestamp(), Volatile.Read(ref _arrived));

    /// <summary>Bytes have arrived.</summary>
    /// <param name="count">How many.</param>
    /// <param name="departure">When they were sent or asked for.</param>
    public void Arrive(int count, Departure departure) => Arrive(count, departure, Stopwatch.GetTimestamp());

    /// <summary>Bytes have arrived.</summary>
    /// <param name="count">How many.</param>
    /// <param name="departure">When they were sent or asked for.</param>
    /// <param name="now">The time.</param>
    internal void Arrive(int count, Departure departure, long now)
    {
        lock (_lock)
        {
            if (now - _learnsSince > Lifetime) (_learnsSince, _shortestTrip, _highestRate, _window) = (now, long.MaxValue, 0, _least);
            _arrived += count;
            // What was in flight when the learning began anew tells of the longer queue before.
            if (departure.Time < _learnsSince) return;
            var trip = Math.Max(1, now - departure.Time);
            _shortestTrip = Math.Min(_shortestTrip, trip);
            _highestRate = Math.Max(_highestRate, (_arrived - departure.Arrived) / (double)trip);
            _window = (int)Math.Clamp(2 * _highestRate * _shortestTrip, _least, _most);
        }
    }

    /// <summary>When bytes were sent or asked for.</summary>
    /// <param name="Time">The time.</param>
    /// <param name="Arrived">How many bytes had arrived until then.</param>
    internal readonly record struct Departure(long Time, long Arrived);
}
