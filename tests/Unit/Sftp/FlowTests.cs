using System.Diagnostics;
using BorgStore.Backends.Sftp.Connection;

namespace BorgStore.Tests.Sftp;

/// <summary>The amount of data in flight adapts to the capacity of the connection.</summary>
public sealed class FlowTests
{
    private const int Least = 512 * 1024;
    private const int Most = 4 * 1024 * 1024;
    private long _now = Stopwatch.GetTimestamp();

    [Fact]
    public void The_window_starts_at_the_minimum()
        => Assert.Equal(Least, new FlowControl(Least, Most).Window);

    [Fact]
    public void The_window_grows_on_a_connection_with_high_latency()
    {
        var flow = new FlowControl(Least, Most);
        // Every round trip of 40 ms returns everything in flight, like a fast but long connection.
        for (var trip = 0; trip < 8; trip++) ArriveAfter(flow, flow.Window, TimeSpan.FromMilliseconds(40));
        Assert.InRange(flow.Window, Most / 2, Most);
    }

    [Fact]
    public void The_window_does_not_grow_when_bytes_only_queue()
    {
        var flow = new FlowControl(Least, Most);
        ArriveAfter(flow, 64 * 1024, TimeSpan.FromMilliseconds(1));
        // The same rate at ten times the latency: the bytes were in a queue.
        for (var trip = 0; trip < 20; trip++) ArriveAfter(flow, 640 * 1024, TimeSpan.FromMilliseconds(20));
        Assert.Equal(Least, flow.Window);
    }

    // Simulates a connection with a clock: the arriving data was sent one trip before.
    private void ArriveAfter(FlowControl flow, int count, TimeSpan trip)
    {
        var departure = _now;
        _now += (long)(trip.TotalSeconds * Stopwatch.Frequency);
        flow.RecordArrival(count, departure, _now);
    }
}
