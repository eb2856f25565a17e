namespace BorgStore.Backends.Rclone;

/// <summary>What stands behind <c>rclone:</c> in a URL, which rclone gets as it is: <c>remote:path</c>, a path on this machine, or a
/// connection string such as <c>:webdav,url='https://host/',user=me,pass=…:path</c>.</summary>
internal sealed class RcloneTarget
{
    private const string Scheme = "rclone:";
    private const string Hidden = "***";

    private readonly List<string> _secrets = [];

    private RcloneTarget(string remote)
    {
        Remote = remote;
        Shown = ConnectionString.Redact(remote, _secrets);
    }

    /// <summary>The remote as rclone gets it.</summary>
    public string Remote { get; }

    /// <summary>The remote as it may be shown.</summary>
    public string Shown { get; }

    /// <summary>Reads a URL.</summary>
    /// <param name="url">The URL.</param>
    public static RcloneTarget Parse(string url)
    {
        var remote = url[Scheme.Length..];
        if (remote.Length == 0 || remote.Contains('\0'))
            throw StoreUrl.Invalid(url, "it names no remote, which 'rclone listremotes' shows", "'rclone:remote:path'");
        // With the slash it is a directory, whatever there is.
        return new RcloneTarget(remote.EndsWith(':') || remote.EndsWith('/') ? remote : remote + "/");
    }

    /// <summary>A text of rclone's as it may be shown.</summary>
    /// <param name="text">The text.</param>
    public string Redact(string text)
        => _secrets.Aggregate(text.Replace(Remote, Shown, StringComparison.Ordinal),
            (shown, secret) => shown.Replace(secret, Hidden, StringComparison.Ordinal));
}
