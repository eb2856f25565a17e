using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Server.Access;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Stores;

/// <summary>The stores below a root. Each is opened by the first request that needs it and closed when it was idle for a while.</summary>
/// <remarks>A store that a user may not use answers like one that does not exist, before anything is looked up: neither the response nor
/// its time depends on whether the store exists.</remarks>
internal sealed partial class StoreDirectory : IStoreSource
{
    private static readonly HashSet<string> CommandsWithoutName = ["create", "destroy", "move", "defrag", "gather", "quota", "flush", "temporaries", "temporary"];

    private readonly ServerOptions _options;
    private readonly string _root;
    private readonly Func<Rights> _getRights;
    private readonly BackendOptions _backendOptions;
    private readonly Func<IBackend, bool, string?, IBackend> _measure;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly ITimer _sweep;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, OpenStore> _open = [];
    private readonly HashSet<Task> _closing = [];

    /// <summary>Creates a directory; no store is opened yet.</summary>
    /// <param name="options">The options of the server.</param>
    /// <param name="backendOptions">The options of every store's backend.</param>
    /// <param name="getRights">Returns the current rights.</param>
    /// <param name="measure">Wraps the backend of a store, which has a quota or not, in one that is measured.</param>
    /// <param name="logger">The log.</param>
    /// <param name="time">The clock.</param>
    public StoreDirectory(
        ServerOptions options, BackendOptions backendOptions, Func<Rights> getRights, Func<IBackend, bool, string?, IBackend> measure, ILogger logger, TimeProvider time)
    {
        (_options, _backendOptions, _getRights, _measure, _logger, _time) = (options, backendOptions, getRights, measure, logger, time);
        _root = StoreRoot.Resolve(options.Root!);
        if (StoreRoot.DescribeProblem(_root) is { } problem) throw CommandLine.UsageError($"'--root': {problem}");
        // Fails now, and not with the first request, if stores cannot have such URLs.
        _ = BackendFactory.Create(StoreRoot.GetStoreUrl(_root, "name"), backendOptions).DisposeAsync().AsTask();
        var interval = TimeSpan.FromTicks(Math.Max(options.IdleTime.Ticks / 4, TimeSpan.TicksPerMillisecond * 100));
        _sweep = time.CreateTimer(_ => CloseIdle(), null, interval, interval);
    }

    /// <summary>The number of open stores.</summary>
    public int OpenCount
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <inheritdoc/>
    public StoreLease Find(string rawTarget, RequestIdentity identity)
    {
        var (name, target) = StoreName.Split(rawTarget, _options.Depth);
        identity.Store = name;
        CheckCommand(target);
        var rights = _getRights();
        var granted = rights.Find(identity.User, name);
        if (!granted.IsVisible) return new(StoreAccess.Hidden, target);
        var store = Enter(name, rights.GetQuota(name));
        return new(new(store.Backend, granted.Permissions), target, () => Leave(store));
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        await using var root = CreateRoot();
        if (!await OpenAsync(root, cancellationToken)) return [];
        IReadOnlyList<string> names = [""];
        for (var depth = 0; depth < _options.Depth; depth++)
        {
            var below = new List<string>();
            foreach (var parent in names)
                await foreach (var item in root.ListAsync(parent, ListScope.OneLevel, cancellationToken))
                    if (item.IsDirectory && StoreName.Unescape(item.Name) is not null) below.Add(parent.Length == 0 ? item.Name : $"{parent}/{item.Name}");
            names = below;
        }
        return [.. names.Select(name => string.Join('/', name.Split('/').Select(StoreName.Unescape)))];
    }

    /// <inheritdoc/>
    public string GetUrl(string name) => StoreRoot.GetStoreUrl(_root, name);

    /// <inheritdoc/>
    public async ValueTask<QuotaInfo> GetQuotaAsync(string name, CancellationToken cancellationToken)
    {
        var quota = _getRights().GetQuota(name) ?? _options.Quota;
        if (quota is null || FindOpen(name) is not { } store) return new(quota, null);
        try
        {
            using var lease = await new StoreAccess(store.Backend, permissions: null).EnterAsync(cancellationToken);
            return new(quota, (await lease.Backend.GetQuotaAsync(cancellationToken)).Used);
        }
        finally
        {
            Leave(store);
        }
    }

    /// <inheritdoc/>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        await using var root = CreateRoot();
        await OpenAsync(root, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _sweep.DisposeAsync();
        Task[] closing;
        lock (_lock)
        {
            foreach (var store in _open.Values.ToList()) Close(store);
            closing = [.. _closing];
        }
        await Task.WhenAll(closing);
    }

    // With a longer path, the client means another store than the one that this would destroy.
    private void CheckCommand(RequestTarget target)
    {
        if (target.Name.Length > 0 && target["cmd"] is { } cmd && CommandsWithoutName.Contains(cmd))
            throw new StoreException(StoreError.InvalidArgument,
                $"The path of the request is too long for the command '{cmd}': the URL of a store has {_options.Depth} {(_options.Depth == 1 ? "element" : "elements")} of path on this server.");
    }

    private OpenStore Enter(string name, long? quota)
    {
        lock (_lock)
        {
            // A store with another quota than it was opened with is opened again; requests in progress keep the old one.
            if (_open.TryGetValue(name, out var store) && store.Quota != quota) Close(store);
            if (!_open.TryGetValue(name, out store))
            {
                if (_open.Count >= _options.MaxOpenStores) CloseLeastRecentlyUsed();
                _open[name] = store = new(name, quota, new(() => CreateBackend(name, quota)));
            }
            store.Requests++;
            return store;
        }
    }

    // Does not open it, which would close another one.
    private OpenStore? FindOpen(string name)
    {
        lock (_lock)
        {
            if (!_open.TryGetValue(name, out var store) || !store.Backend.IsOpen) return null;
            store.Requests++;
            return store;
        }
    }

    private void Leave(OpenStore store)
    {
        lock (_lock)
        {
            store.LastUsed = _time.GetTimestamp();
            if (--store.Requests > 0) return;
            // Names of stores that do not exist would displace those that do.
            if (!IsCurrent(store) || !store.Backend.IsOpen) Close(store);
        }
    }

    private void CloseIdle()
    {
        lock (_lock)
            foreach (var store in _open.Values.Where(store => store.Requests == 0 && _time.GetElapsedTime(store.LastUsed) >= _options.IdleTime).ToList())
                Close(store);
    }

    private void CloseLeastRecentlyUsed()
        => Close(_open.Values.Where(store => store.Requests == 0).MinBy(store => store.LastUsed)
            ?? throw new BadHttpRequestException($"All {_options.MaxOpenStores} stores that the server may have open are in use. Try again in a while.",
                StatusCodes.Status503ServiceUnavailable));

    // Called with the lock held. The store closes in the background, when its last request has ended.
    private void Close(OpenStore store)
    {
        if (IsCurrent(store)) _open.Remove(store.Name);
        if (store.Requests > 0) return;
        var closing = CloseAsync(store);
        if (closing.IsCompleted) return;
        _closing.Add(closing);
        _ = closing.ContinueWith(Forget, TaskScheduler.Default);

        void Forget(Task closed)
        {
            lock (_lock) _closing.Remove(closed);
        }
    }

    private async Task CloseAsync(OpenStore store)
    {
        await Task.Yield();
        try
        {
            await store.Backend.DisposeAsync();
        }
        catch (Exception e)
        {
            LogCloseFailure(store.Name, e);
        }
    }

    private bool IsCurrent(OpenStore store) => _open.TryGetValue(store.Name, out var current) && current == store;

    private IBackend CreateBackend(string name, long? quota)
    {
        var limit = quota ?? _backendOptions.Quota;
        return _measure(BackendFactory.Create(GetUrl(name), _backendOptions with { Quota = limit }), limit is not null, name);
    }

    private ExplainingBackend CreateRoot() => new(BackendFactory.Create(_root, new()), displayUrl: null);

    // Returns false if there is no store yet: S3 has no empty directories. A missing bucket is explained.
    private async Task<bool> OpenAsync(ExplainingBackend root, CancellationToken cancellationToken)
    {
        try
        {
            await root.OpenAsync(cancellationToken);
            return true;
        }
        catch (StoreException e) when (e is { Error: StoreError.StoreDoesNotExist, Detail: "" } && StoreUrl.GetScheme(_root) is "s3" or "b2")
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Error, "The store {Store} did not close well")]
    private partial void LogCloseFailure(string store, Exception exception);

    /// <summary>A store in use, or used not long ago.</summary>
    private sealed class OpenStore(string name, long? quota, SharedBackend backend)
    {
        public string Name => name;

        public long? Quota => quota;

        public SharedBackend Backend => backend;

        /// <summary>The number of requests in progress.</summary>
        public int Requests { get; set; }

        public long LastUsed { get; set; }
    }
}
