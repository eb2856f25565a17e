using System.Globalization;
using System.Net;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore;

/// <summary>What is said of a store as it is made or opened.</summary>
/// <param name="Url">Where it is, such as <c>file:///srv/store</c>.</param>
public sealed record StoreOptions(string Url)
{
    /// <summary>The variable that sets <see cref="Latency"/> [µs].</summary>
    public const string LatencyVariable = "BORGSTORE_LATENCY";

    /// <summary>The variable that sets <see cref="Bandwidth"/> [bit/s].</summary>
    public const string BandwidthVariable = "BORGSTORE_BANDWIDTH";

    /// <summary>The namespaces and their levels; <see langword="null"/> to recognise those of an existing store.</summary>
    public StoreLayout? Layout { get; init; }

    /// <summary>The layout that was recognised when the store was last opened, to use again if the store has the same namespaces still.</summary>
    internal StoreLayout? RecalledLayout { get; init; }

    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability { get; init; }

    /// <summary>What may be done under which names; <see langword="null"/> for everything.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The most bytes that all values together may have; <see langword="null"/> for no quota. File stores only.</summary>
    public long? Quota { get; init; }

    /// <summary>User and password, where the URL has none.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>Where values are cached, such as <c>file:///var/cache/store</c>, for the namespaces whose layout has a
    /// <see cref="NamespaceLayout.Cache"/>. Made where there is nothing yet.</summary>
    public string? CacheUrl { get; init; }

    /// <summary>Where values are cached, as a backend of the caller's own in place of <see cref="CacheUrl"/>; the store then owns it.</summary>
    public IBackend? CacheBackend { get; init; }

    /// <summary>Told in a sentence or two what went wrong without failing an operation, such as a cache that cannot be written.
    /// Called from any thread.</summary>
    public Action<string>? Warning { get; init; }

    /// <summary>The least time that every call to the storage shall take. By default what <c>BORGSTORE_LATENCY</c> says [µs].</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMicroseconds(ReadVariable(LatencyVariable) ?? 0);

    /// <summary>How fast values shall move at the most [bit/s]. By default what <c>BORGSTORE_BANDWIDTH</c> says.</summary>
    public long? Bandwidth { get; init; } = ReadVariable(BandwidthVariable) is { } bits and > 0 ? (long)bits : null;

    internal bool HasCache => CacheUrl is not null || CacheBackend is not null;

    /// <summary>Returns the URL as it may be shown; what records show otherwise has the password in it.</summary>
    public override string ToString() => StoreUrl.Redact(Url);

    internal BackendOptions ToBackendOptions()
        => new() { Durability = Durability, Permissions = Permissions, Quota = Quota, Credential = Credential, Warning = Warning };

    private static double? ReadVariable(string variable)
    {
        var text = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrWhiteSpace(text)) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0) return number;
        throw new StoreException(StoreError.InvalidArgument,
            $"The environment variable {variable} is '{text}', which is no number. Set a number or remove it.");
    }
}
