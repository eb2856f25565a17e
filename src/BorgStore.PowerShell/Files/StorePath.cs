using System.Management.Automation;

namespace BorgStore.PowerShell.Files;

/// <summary>Converts paths of folders that hold stores to URLs.</summary>
internal static class StorePath
{
    /// <summary>Returns the URL of a folder.</summary>
    /// <exception cref="StoreException">The path is a file, or has no URL.</exception>
    public static string GetUrl(PathIntrinsics paths, string path)
    {
        var full = paths.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        if (provider.Name != LocalPath.FileSystem) throw LocalPath.NotInFileSystem(path, provider);
        full = Path.TrimEndingDirectorySeparator(full);
        if (File.Exists(full))
            throw new StoreException(StoreError.InvalidArgument, $"'{full}' is a file, but a store is a folder. Specify the folder.", full);
        var url = new Uri(full);
        return url.IsUnc
            ? throw new StoreException(StoreError.InvalidUrl, $"'{full}' has no URL. Mount the share, and specify its folder there.", full)
            : url.AbsoluteUri;
    }

    /// <summary>Returns an error with the correct URL if a path was given instead of a URL; otherwise <see langword="null"/>.</summary>
    public static StoreException? Explain(PathIntrinsics paths, string given)
    {
        try
        {
            StoreUrl.GetScheme(given);
            return null;
        }
        catch (StoreException)
        {
            return FindUrl(paths, given) is { } url
                ? new(StoreError.InvalidUrl, $"'{StoreUrl.Redact(given)}' is not the URL of a store. For this folder write '{url}'.", StoreUrl.Redact(given))
                : null;
        }
    }

    private static string? FindUrl(PathIntrinsics paths, string path)
    {
        try
        {
            var full = paths.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
            // A network share has no URL; it has to be mounted first.
            return provider.Name == LocalPath.FileSystem && new Uri(full) is { IsUnc: false } url ? url.AbsoluteUri : null;
        }
        catch (Exception e) when (e is SessionStateException or NotSupportedException or PSArgumentException or UriFormatException)
        {
            return null;
        }
    }
}
