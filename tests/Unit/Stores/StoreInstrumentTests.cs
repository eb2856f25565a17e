using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Shared;

namespace BorgStore.Tests.Stores;

/// <summary>The meter of the calls to storages. Other tests are measured too, so each looks at a scheme or thread of its own.</summary>
public sealed class StoreInstrumentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MeterListener _listener = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Calls_bytes_and_errors_of_a_store_are_measured()
    {
        var scheme = "measured" + Guid.NewGuid().ToString("n");
        BackendFactory.Register(scheme, (_, options) => new FileBackend(_folder.Combine("store"), options));
        var counts = new ConcurrentDictionary<string, double>();
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, 1, tags));
        Start();
        var isCopied = false;

        Directory.CreateDirectory(_folder.Combine("store", "data"));
        await using (var store = await Store.OpenAsync(new(scheme + ":") { Layout = new(("data", 0)) }, Ct))
        {
            for (var i = 1; i <= 3; i++) await store.StoreAsync($"data/{i}", new byte[i], cancellationToken: Ct);
            Assert.Equal(2, (await store.LoadAsync("data/2", cancellationToken: Ct)).Length);
            await Assert.ThrowsAsync<StoreException>(async () => await store.StoreAsync("data/2", new byte[9], StoreMode.CreateNew, cancellationToken: Ct));
            Assert.Equal(3, await store.ListAsync("data", cancellationToken: Ct).CountAsync(Ct));
            isCopied = await store.CopyFromAsync(store, "data/3", false, "data/4", false, StoreMode.Overwrite, Ct) == 3;
        }
        Assert.Equal(OperatingSystem.IsLinux(), isCopied);
        Assert.Equal(isCopied ? 1 : 0, counts.GetValueOrDefault("borgstore.calls copy"));
        Assert.Equal(isCopied ? 3 : 0, counts.GetValueOrDefault("borgstore.bytes copy"));
        Assert.Equal(1, counts["borgstore.calls open"]);
        Assert.Equal(4, counts["borgstore.calls store"]);
        Assert.Equal(1, counts["borgstore.errors store ObjectAlreadyExists"]);
        Assert.Equal(6, counts["borgstore.bytes store"]);
        Assert.Equal(1, counts["borgstore.calls load"]);
        Assert.Equal(1, counts["borgstore.call.duration load"]);
        Assert.Equal(2, counts["borgstore.bytes load"]);
        Assert.Equal(1, counts["borgstore.calls list"]);

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = tags.ToArray().ToDictionary();
            if (labels.GetValueOrDefault("scheme") as string != scheme) return;
            var key = $"{instrument.Name} {labels["operation"]} {labels.GetValueOrDefault("error")}".TrimEnd();
            counts.AddOrUpdate(key, value, (_, before) => before + value);
        }
    }

    [Fact]
    public void Each_attempt_after_a_failure_is_counted()
    {
        var (thread, retries) = (Environment.CurrentManagedThreadId, 0L);
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            if (instrument.Name == "borgstore.retries" && Environment.CurrentManagedThreadId == thread) retries += value;
        });
        Start();
        var schedule = new RetrySchedule(2, TimeSpan.FromMilliseconds(1));
        for (var failures = 0; failures < 5; failures++) schedule.GetPause(failures);
        Assert.Equal(2, retries);
    }

    private void Start()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "BorgStore") listener.EnableMeasurementEvents(instrument);
        };
        _listener.Start();
    }
}
