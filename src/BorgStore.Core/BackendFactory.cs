using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Sftp;

namespace BorgStore;

/// <summary>Creates backends by the scheme of their URL.</summary>
public static class BackendFactory
{
    private static readonly ConcurrentDictionary<string, Func<string, BackendOptions, IBackend>> Schemes = new()
    {
        ["file"] = (url, options) => new FileBackend(FileUrl.Parse(url, OperatingSystem.IsWindows()), options),
        ["sftp"] = (url, options) => new SftpBackend(SftpUrl.Parse(url), options),
        ["rclone"] = (url, options) => new RcloneBackend(url) { Retried = options.Retried },
        ["s3"] = CreateS3,
        ["b2"] = CreateS3,
        ["http"] = (url, options) => new RestBackend(url, options),
        ["https"] = (url, options) => new RestBackend(url, options),
        ["http+unix"] = (url, options) => new RestBackend(url, options),
        ["rest"] = (url, options) => new RestBackend(url, options),
    };

    private static readonly Lazy<Func<string, BackendOptions, IBackend>> S3 = new(
        () => IsolatedAssemblies.Load<Func<string, BackendOptions, IBackend>>("S3", "BorgStore.Backends.S3.S3Backend", "Create"), LazyThreadSafetyMode.PublicationOnly);

    // Schemes that take no user and password, with the reason and what to do instead.
    private static readonly Dictionary<string, string> WithoutCredential = new()
    {
        ["file"] = "a folder is opened with the rights of the current user. Omit -Credential, or run this as a user who has access",
        ["rest"] = "ssh logs in with a key or an agent. Omit -Credential, and specify the user in the URL, as in rest://user@host/path, or in ~/.ssh/config",
        ["rclone"] = "rclone keeps the passwords of its remotes in its own configuration. Omit -Credential, and use 'rclone config'",
    };

    private static readonly HashSet<string> Servers = ["http", "https", "http+unix", "rest"];

    /// <summary>The schemes that a backend handles.</summary>
    internal static IEnumerable<string> KnownSchemes => Schemes.Keys.Order(StringComparer.Ordinal);

    /// <summary>Returns the scheme of a URL, or "other" if no backend handles it: a caller's own backend may have any URL.</summary>
    internal static string GetKnownScheme(string url)
        => url.IndexOf(':') is > 0 and var colon && url[..colon].ToLowerInvariant() is var scheme && Schemes.ContainsKey(scheme) ? scheme : "other";

    /// <summary>Registers a scheme, or replaces its backend.</summary>
    /// <param name="scheme">The scheme, lower case, without the colon.</param>
    /// <param name="create">Creates the backend for a URL of that scheme.</param>
    public static void Register(string scheme, Func<string, BackendOptions, IBackend> create) => Schemes[scheme] = create;

    /// <summary>Creates the backend for a URL, with its permissions in force. Nothing is opened yet.</summary>
    /// <param name="url">The URL of a store.</param>
    /// <param name="options">The options of the backend.</param>
    public static IBackend Create(string url, BackendOptions options)
    {
        var scheme = StoreUrl.GetScheme(url);
        if (!Schemes.TryGetValue(scheme, out var create))
            throw new StoreException(StoreError.InvalidUrl,
                $"'{StoreUrl.Redact(url)}' is not the URL of a store: its scheme is not supported. Supported schemes are {string.Join(", ", KnownSchemes.Select(known => known + ":"))}.",
                StoreUrl.Redact(url));
        if (options.Quota is not null && scheme != "file")
            throw new StoreException(StoreError.NotSupported,
                $"A quota can only be set on a file store, not on '{StoreUrl.Redact(url)}': {(Servers.Contains(scheme) ? "the server counts. Set it there." : "others may change the values meanwhile. Set it on the storage, such as a quota of the bucket or its user.")}",
                StoreUrl.Redact(url));
        if (options.Credential is not null && WithoutCredential.TryGetValue(scheme, out var instead))
            throw new StoreException(StoreError.InvalidArgument,
                $"'{StoreUrl.Redact(url)}' does not accept -Credential: {instead}.", StoreUrl.Redact(url));

        if (options.HostKeyFingerprint is not null && scheme != "sftp")
            throw new StoreException(StoreError.InvalidArgument,
                $"'{StoreUrl.Redact(url)}' does not accept a fingerprint of a host key; only sftp: URLs do.", StoreUrl.Redact(url));

        var backend = create(url, options);
        return options.Permissions is { } permissions ? new PermissionBackend(backend, permissions) : backend;
    }

    private static IBackend CreateS3(string url, BackendOptions options) => S3.Value(url, options);
}
