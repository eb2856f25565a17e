using System.Diagnostics;
using BorgStore.Server.Access;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Observability;

/// <summary>The traffic of the last minutes, oldest first: requests and bytes per second, and seconds per request.</summary>
internal sealed record TrafficSamples(double[] Requests, double[] Received, double[] Sent, double[] Mean, double[] Slowest);

/// <summary>A request that has been running for a while.</summary>
internal sealed record RunningTransfer(string? Store, string? User, string Client, string Operation, string Name, long Bytes, double Seconds);

/// <summary>The requests that run, and the traffic of the last five minutes.</summary>
internal sealed class LiveTraffic : IDisposable
{
    /// <summary>The time between two samples.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private const int SampleCount = 150;
    private const int MaxTransfers = 100;

    // Shorter ones are gone before anybody has read of them.
    private static readonly TimeSpan ShownAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<RunningRequest> _running = [];
    private readonly Queue<Sample> _samples = new(Enumerable.Repeat(default(Sample), SampleCount));
    private readonly RecentEvents _events;
    private readonly ClientAddress _addresses;
    private readonly Timer _timer;
    private long _sampled = Stopwatch.GetTimestamp();
    private Totals _ended;
    private Totals _before;
    private TimeSpan _slowest;

    /// <summary>Starts to take samples.</summary>
    /// <param name="events">Receives failed logins.</param>
    /// <param name="addresses">Finds the addresses of clients.</param>
    public LiveTraffic(RecentEvents events, ClientAddress addresses)
    {
        (_events, _addresses) = (events, addresses);
        _timer = new(_ => TakeSample(), null, Interval, Interval);
    }

    /// <summary>Begins a request.</summary>
    /// <returns>What <see cref="End"/> takes.</returns>
    public RunningRequest Begin(HttpContext context, RequestRecord record, MeasuredBody body)
    {
        var request = new RunningRequest(context, record, body, _addresses);
        lock (_lock) _running.Add(request);
        return request;
    }

    /// <summary>Ends a request.</summary>
    public void End(RunningRequest request)
    {
        var duration = request.Elapsed;
        lock (_lock)
        {
            _running.Remove(request);
            _ended = new(_ended.Requests + 1, _ended.Received + request.Received, _ended.Sent + request.Sent, _ended.Duration + duration);
            if (duration > _slowest) _slowest = duration;
        }
        if (request.FindFailedLogin() is var (client, user)) _events.AddFailedLogin(client, user);
    }

    /// <summary>Returns the samples, oldest first.</summary>
    public TrafficSamples GetSamples()
    {
        Sample[] samples;
        lock (_lock) samples = [.. _samples];
        return new(
            Array.ConvertAll(samples, sample => sample.Requests), Array.ConvertAll(samples, sample => sample.Received),
            Array.ConvertAll(samples, sample => sample.Sent), Array.ConvertAll(samples, sample => sample.Mean),
            Array.ConvertAll(samples, sample => sample.Slowest));
    }

    /// <summary>Returns the requests that have been running for a while, longest first.</summary>
    /// <param name="user">The user whose requests these are; <see langword="null"/> for all users.</param>
    public IReadOnlyList<RunningTransfer> GetTransfers(string? user)
    {
        // The context of a request is only valid until the request has ended, which takes the lock too.
        lock (_lock)
            return [.. _running.Where(request => request.Elapsed >= ShownAfter && (user is null || request.User == user))
                .OrderByDescending(request => request.Elapsed).Take(MaxTransfers).Select(request => request.ToView())];
    }

    public void Dispose() => _timer.Dispose();

    internal void TakeSample()
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            var seconds = Math.Max(0.001, Stopwatch.GetElapsedTime(_sampled, now).TotalSeconds);
            var total = _ended;
            // What runs has no duration yet, but has moved bytes.
            foreach (var request in _running) total = total with { Received = total.Received + request.Received, Sent = total.Sent + request.Sent };
            var requests = total.Requests - _before.Requests;
            _samples.Dequeue();
            _samples.Enqueue(new(
                requests / seconds, (total.Received - _before.Received) / seconds, (total.Sent - _before.Sent) / seconds,
                requests == 0 ? 0 : (total.Duration - _before.Duration).TotalSeconds / requests, _slowest.TotalSeconds));
            (_sampled, _before, _slowest) = (now, total, default);
        }
    }

    private readonly record struct Totals(long Requests, long Received, long Sent, TimeSpan Duration);

    private readonly record struct Sample(double Requests, double Received, double Sent, double Mean, double Slowest);

    /// <summary>A request that runs.</summary>
    internal sealed class RunningRequest(HttpContext context, RequestRecord record, MeasuredBody body, ClientAddress addresses)
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

        public long Received => body.Received;

        public long Sent => body.Sent;

        public string? User => context.Features.Get<RequestIdentity>()?.User;

        // A client that sends no password at first, and is asked for it, has not failed.
        public (string Client, string? User)? FindFailedLogin()
            => context.Response.StatusCode is StatusCodes.Status401Unauthorized or StatusCodes.Status429TooManyRequests && BasicCredentials.GetHeader(context.Request) is { } header
                ? (addresses.Get(context), BasicCredentials.Parse(header)?.User)
                : null;

        public RunningTransfer ToView() => new(record.Store, User, addresses.Get(context), record.Operation.Name, record.GetName(), Received + Sent, Elapsed.TotalSeconds);
    }
}
