namespace BorgStore.Server.Stores;

/// <summary>The place below which a server has its stores: a folder, or the URL of any storage.</summary>
internal static class StoreRoot
{
    /// <summary>Returns the URL of a root.</summary>
    /// <param name="root">A folder or a URL.</param>
    public static string Resolve(string root)
        => IsFolder(root) ? LocalPath.ToFileUrl(LocalPath.Resolve(root)) : root;

    /// <summary>Returns the URL of a store.</summary>
    /// <param name="root">The URL of the root.</param>
    /// <param name="name">The valid name of the store.</param>
    public static string GetStoreUrl(string root, string name)
        => (root[^1] is '/' || IsRcloneRemote(root) ? root : root + "/") + StoreName.Escape(name);

    /// <summary>Returns what is wrong with a root, or <see langword="null"/>.</summary>
    /// <param name="root">The URL of the root.</param>
    public static string? DescribeProblem(string root)
    {
        if (StoreUrl.GetScheme(root) == "rest") return "a server over ssh serves one path. Use the storage itself as the root.";
        if (root.Contains('?') || root.Contains('#')) return $"the root '{StoreUrl.Redact(root)}' has a '?' or '#', so that nothing can be appended to it.";
        return root.StartsWith("file:", StringComparison.OrdinalIgnoreCase) && new Uri(root).LocalPath is var folder && !Directory.Exists(folder)
            ? $"the root '{folder}' is not a folder. Create it, and let the server write there."
            : null;
    }

    // Of one letter, a scheme would be the drive of a folder.
    private static bool IsFolder(string root) => root.IndexOf(':') is < 2 || Path.IsPathFullyQualified(root);

    private static bool IsRcloneRemote(string root) => root.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase) && root[^1] == ':';
}
