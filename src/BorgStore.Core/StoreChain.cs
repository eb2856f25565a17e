using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Diagnostics;
using BorgStore.Security;
using BorgStore.Layout;

namespace BorgStore;

/// <summary>The chain of backends of a store, each with one concern, from the one that the store calls to the storage.</summary>
/// <param name="Head">The backend that the store calls.</param>
/// <param name="Meter">Counts the calls to the storage.</param>
/// <param name="Caching">The cache in front of the storage, if there is one.</param>
/// <param name="CacheMeter">Counts the cache's work, if there is one.</param>
internal sealed record StoreChain(ExplainingBackend Head, Meter Meter, CachingBackend? Caching, CacheMeter? CacheMeter)
{
    /// <summary>Creates the chain for a URL.</summary>
    public static StoreChain Create(StoreOptions options)
    {
        CheckCache(options);
        // Permissions must apply in front of the cache, or it would return values that the storage refuses.
        var permissions = options.HasCache ? options.Permissions : null;
        StoreChain? chain = null;
        var backend = BackendFactory.Create(options.Url, options.ToBackendOptions() with
        {
            Permissions = permissions is null ? options.Permissions : null,
            // Backends only know nested names.
            Retried = options.Retried is { } retried ? retry => retried(chain?.Head.Explain(retry) ?? retry) : null,
        });
        return chain = Create(backend, options, permissions);
    }

    /// <summary>Creates the chain for the caller's own backend.</summary>
    public static StoreChain Create(IBackend backend, StoreOptions options)
    {
        CheckCache(options);
        return Create(backend, options, permissions: null);
    }

    /// <summary>Creates the cache that the options name.</summary>
    public static CacheStorage CreateCache(StoreOptions options, CacheMeter meter)
    {
        // Making each cached value durable is not worth the time.
        var durability = options.Durability == Durability.None ? Durability.None : Durability.Batch;
        var backend = options.CacheBackend ?? BackendFactory.Create(options.CacheUrl!, new() { Durability = durability, IsPrivate = true });
        var displayUrl = options.CacheUrl is { } url ? StoreUrl.Redact(url) : "of the caller";
        return new(new ExplainingBackend(backend, displayUrl), displayUrl, meter, options.Warning);
    }

    private static StoreChain Create(IBackend backend, StoreOptions options, PermissionMap? permissions)
    {
        var meter = new Meter();
        backend = InstrumentedBackend.WrapIfEnabled(backend, BackendFactory.GetKnownScheme(options.Url));
        if (options.MaxBytesPerSecond is { } rate) backend = new ThrottledBackend(backend, new(rate));
        var primary = options.Latency > TimeSpan.Zero || options.Bandwidth is not null
            ? new EmulatedBackend(backend, options.Latency, options.Bandwidth)
            : backend;
        primary = new MeteredBackend(primary, meter);
        var displayUrl = StoreUrl.Redact(options.Url);
        if (!options.HasCache) return new(new(primary, displayUrl), meter, null, null);

        var cacheMeter = new CacheMeter();
        var caching = new CachingBackend(primary, CreateCache(options, cacheMeter), options.Layout!, displayUrl);
        return new(new(permissions is null ? caching : new PermissionBackend(caching, permissions), displayUrl), meter, caching, cacheMeter);
    }

    private static void CheckCache(StoreOptions options)
    {
        var isUsed = options.Layout?.Namespaces.Any(ns => ns.Cache.Mode != CacheMode.Off) ?? false;
        if (isUsed && !options.HasCache)
            throw new StoreException(StoreError.InvalidArgument,
                "A namespace has the setting Cache, but no cache was given. Specify one with -CacheUri, or remove the namespace's Cache.");
        if (!options.HasCache) return;
        if (!isUsed)
            throw new StoreException(StoreError.InvalidArgument,
                "A cache was given, but no namespace uses it. Specify which one does, as in -Namespace @{ data = @{ Levels = 2; Cache = 'WriteThrough' } }.");
        if (options.CacheUrl is not { } url) return;
        if (options.CacheBackend is not null)
            throw new StoreException(StoreError.InvalidArgument, "The cache was given twice, as a URL and as a backend. Specify only one of them.");
        // Otherwise evicting values from the cache would delete them from the store.
        if (IsWithin(url, options.Url) || IsWithin(options.Url, url))
            throw new StoreException(StoreError.InvalidArgument,
                $"The cache '{StoreUrl.Redact(url)}' and the store '{StoreUrl.Redact(options.Url)}' overlap: one contains the other. Choose another location for the cache.");
    }

    // Only the server can resolve its folders, so URLs of servers are compared as text, ignoring the user.
    private static bool IsWithin(string url, string other)
        => FindFolder(url) is { } folder && FindFolder(other) is { } otherFolder ? RealPath.IsWithin(folder, otherFolder)
            : (StoreUrl.Redact(url).TrimEnd('/') + "/").StartsWith(StoreUrl.Redact(other).TrimEnd('/') + "/", StringComparison.Ordinal);

    private static string? FindFolder(string url)
        => StoreUrl.GetScheme(url) == "file" ? FileUrl.Parse(url, OperatingSystem.IsWindows()) : null;
}
