using System.Globalization;
using System.Net;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore;

/// <summary>Options for creating or opening a store.</summary>
/// <param name="Url">The store's URL, such as <c>file:///srv/store</c>.</param>
public sealed record StoreOptions(string Url)
{
    /// <summary>The environment variable with the default of <see cref="Latency"/> [µs].</summary>
    public const string LatencyVariable = "BORGSTORE_LATENCY";

    /// <summary>The environment variable with the default of <see cref="Bandwidth"/> [bit/s].</summary>
    public const string BandwidthVariable = "BORGSTORE_BANDWIDTH";

    /// <summary>The namespaces and their levels; <see langword="null"/> to recognise them in an existing store.</summary>
    public StoreLayout? Layout { get; init; }

    /// <summary>The layout that was recognised when the store was last opened, to be reused if the store still has the same namespaces.</summary>
    internal StoreLayout? RecalledLayout { get; init; }

    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability { get; init; }

    /// <summary>The permitted operations by name; <see langword="null"/> to permit everything.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The maximum total size of all values [bytes]; <see langword="null"/> for no quota. File stores only.</summary>
    public long? Quota { get; init; }

    /// <summary>User and password, if the URL has none.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>The only host key to trust, as <c>SHA256:…</c>; <see langword="null"/> to trust those in <c>known_hosts</c>. SFTP stores only.</summary>
    public string? HostKeyFingerprint { get; init; }

    /// <summary>The URL of the cache, such as <c>file:///var/cache/store</c>, for the namespaces whose
    /// layout has a <see cref="NamespaceLayout.Cache"/>. It is created if it does not exist.</summary>
    public string? CacheUrl { get; init; }

    /// <summary>The caller's own backend for the cache, in place of <see cref="CacheUrl"/>; the store then owns it.</summary>
    public IBackend? CacheBackend { get; init; }

    /// <summary>Called from any thread with a message of a sentence or two about a problem
    /// that failed no operation, such as a cache that cannot be written.</summary>
    public Action<string>? Warning { get; init; }

    /// <summary>Called from any thread when a request to the storage is repeated, within the operation that made it. It must return quickly
    /// and not throw.</summary>
    public Action<StoreRetry>? Retried { get; init; }

    /// <summary>The minimum duration of each call to the storage, to emulate a slow
    /// one. The default is the value of <c>BORGSTORE_LATENCY</c> [µs].</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMicroseconds(ReadVariable(LatencyVariable) ?? 0);

    /// <summary>The maximum transfer rate of values [bit/s], to emulate a slow
    /// storage. The default is the value of <c>BORGSTORE_BANDWIDTH</c>.</summary>
    public long? Bandwidth { get; init; } = ReadVariable(BandwidthVariable) is { } bits and > 0 ? (long)bits : null;

    /// <summary>The maximum rate at which values are loaded and stored, all of them together [bytes/s]; <see langword="null"/> for no limit.</summary>
    public long? MaxBytesPerSecond { get; init; }

    internal bool HasCache => CacheUrl is not null || CacheBackend is not null;

    /// <summary>Returns the URL without its secrets; the text that records generate would show the password.</summary>
    public override string ToString() => StoreUrl.Redact(Url);

    internal BackendOptions ToBackendOptions()
        => new()
        {
            Durability = Durability,
            Permissions = Permissions,
            Quota = Quota,
            Credential = Credential,
            HostKeyFingerprint = HostKeyFingerprint,
            Warning = Warning,
            Retried = Retried,
        };

    private static double? ReadVariable(string variable)
    {
        var text = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrWhiteSpace(text)) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0) return number;
        throw new StoreException(StoreError.InvalidArgument,
            $"The environment variable {variable} is '{text}', which is not a number. Set it to a number, or remove it.");
    }
}
