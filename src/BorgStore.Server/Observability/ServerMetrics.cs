using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using BorgStore.Backends;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace BorgStore.Server.Observability;

/// <summary>The instruments of the meter <c>BorgStore.Server</c>. All labels have a bounded number of values.</summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "BorgStore.Server";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _durations;
    private readonly Counter<long> _received;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _hashMismatches;
    private readonly Counter<long> _failedLogins;
    private readonly Lock _lock = new();
    private readonly HashSet<WatchedStore> _open = [];
    private readonly ConcurrentDictionary<string, bool> _storeNames = new(StringComparer.Ordinal);
    private long _running;
    private long _connections;

    /// <summary>Creates the instruments.</summary>
    public ServerMetrics()
    {
        _requests = _meter.CreateCounter<long>("borgstore.server.requests", "{request}", "Requests answered.");
        _durations = _meter.CreateHistogram<double>("borgstore.server.request.duration", "s", "Time from a request's headers to the end of its response.");
        _received = _meter.CreateCounter<long>("borgstore.server.received", "By", "Bytes received in the bodies of requests.");
        _sent = _meter.CreateCounter<long>("borgstore.server.sent", "By", "Bytes sent in the bodies of responses.");
        _hashMismatches = _meter.CreateCounter<long>("borgstore.server.hash_mismatches", "{upload}", "Uploads refused because their hash differed from the announced one.");
        _failedLogins = _meter.CreateCounter<long>("borgstore.server.failed_logins", "{request}", "Requests with a wrong user or password.");
        _meter.CreateObservableUpDownCounter("borgstore.server.requests.running", () => Interlocked.Read(ref _running), "{request}", "Requests being answered.");
        _meter.CreateObservableUpDownCounter("borgstore.server.connections.open", () => Interlocked.Read(ref _connections), "{connection}", "Open connections.");
        _meter.CreateObservableUpDownCounter("borgstore.server.stores.open", CountOpen, "{store}", "Open stores.");
        _meter.CreateObservableGauge("borgstore.server.quota.used", () => ReadQuotas(quota => quota.Used), "By", "Total size of all values of stores with a quota.");
        _meter.CreateObservableGauge("borgstore.server.quota.limit", () => ReadQuotas(quota => quota.Limit), "By", "Maximum total size of all values.");
    }

    /// <summary>Whether requests have a label with their user. There are as many users as logins are accepted.</summary>
    public bool HasUserLabel { get; init; }

    /// <summary>Whether anybody listens.</summary>
    public bool IsEnabled => _requests.Enabled || _durations.Enabled || _received.Enabled || _sent.Enabled;

    /// <summary>Counts the connections of a listener.</summary>
    public void Watch(ListenOptions listener) => listener.Use(next => async connection =>
    {
        Interlocked.Increment(ref _connections);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    });

    /// <summary>Counts a store while it is open.</summary>
    /// <param name="backend">The backend of the store.</param>
    /// <param name="hasQuota">Whether this server limits the store, so that its quota is worth a metric.</param>
    /// <param name="store">The name of the store, if there are several.</param>
    public IBackend Watch(IBackend backend, bool hasQuota, string? store = null) => new WatchedStore(backend, this, hasQuota, store);

    /// <summary>Counts a request that begins.</summary>
    public void Begin() => Interlocked.Increment(ref _running);

    /// <summary>Counts a request that ends.</summary>
    public void End(HttpContext context, RequestRecord record, MeasuredBody body, TimeSpan duration)
    {
        Interlocked.Decrement(ref _running);
        var status = context.Response.StatusCode;
        var tags = new TagList { { "operation", record.Operation.Name } };
        // A client may ask for any number of stores that do not exist.
        if (record.Store is { } store && _storeNames.ContainsKey(store)) tags.Add("store", store);
        if (HasUserLabel && record.User is { } user) tags.Add("user", user);
        if (body.Received > 0) _received.Add(body.Received, tags);
        if (body.Sent > 0) _sent.Add(body.Sent, tags);
        _durations.Record(duration.TotalSeconds, tags);
        tags.Add("status", record.IsAborted ? "aborted" : $"{status / 100}xx");
        _requests.Add(1, tags);
        if (status == StatusCodes.Status422UnprocessableEntity) _hashMismatches.Add(1);
        // A client that sends no password at first, and is asked for it, has not failed.
        if (status == StatusCodes.Status401Unauthorized && context.Request.Headers.Authorization.Count > 0) _failedLogins.Add(1);
    }

    public void Dispose() => _meter.Dispose();

    private long CountOpen()
    {
        lock (_lock) return _open.Count;
    }

    private List<Measurement<long>> ReadQuotas(Func<QuotaInfo, long?> select)
    {
        List<WatchedStore> open;
        lock (_lock) open = [.. _open];
        return [.. open.Select(store => store.ReadQuota(select)).OfType<Measurement<long>>()];
    }

    private sealed class WatchedStore(IBackend inner, ServerMetrics metrics, bool hasQuota, string? store) : DelegatingBackend(inner)
    {
        public override int DeleteBatchSize => Inner.DeleteBatchSize;

        public override async Task OpenAsync(CancellationToken cancellationToken)
        {
            await Inner.OpenAsync(cancellationToken);
            lock (metrics._lock) metrics._open.Add(this);
            if (store is not null) metrics._storeNames.TryAdd(store, true);
        }

        public override ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
            => Inner.DeleteManyAsync(names, cancellationToken);

        public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
            => Inner.ListRawTreeAsync(directory, after, cancellationToken);

        public override ValueTask DisposeAsync()
        {
            lock (metrics._lock) metrics._open.Remove(this);
            return base.DisposeAsync();
        }

        // Only folders can have a quota of this server, and they answer at once. A store that is being closed has none to read.
        public Measurement<long>? ReadQuota(Func<QuotaInfo, long?> select)
            => hasQuota && Inner.GetQuotaAsync(CancellationToken.None).AsTask() is { IsCompletedSuccessfully: true, Result: var quota } && select(quota) is { } bytes
                ? new(bytes, store is null ? [] : [new("store", store)])
                : null;
    }
}
