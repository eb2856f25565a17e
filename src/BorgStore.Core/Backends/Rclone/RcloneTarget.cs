namespace BorgStore.Backends.Rclone;

/// <summary>The part of a URL after <c>rclone:</c>, which is passed to rclone unchanged: <c>remote:path</c>, a path
/// on this machine, or a connection string such as <c>:webdav,url='https://host/',user=me,pass=…:path</c>.</summary>
internal sealed class RcloneTarget
{
    private const string Scheme = "rclone:";
    private const string Hidden = "***";

    private readonly List<string> _secrets = [];

    private RcloneTarget(string remote)
    {
        Remote = remote;
        DisplayName = ConnectionString.Redact(remote, _secrets);
    }

    /// <summary>The remote as it is passed to rclone.</summary>
    public string Remote { get; }

    /// <summary>The remote without its secrets.</summary>
    public string DisplayName { get; }

    /// <summary>Parses a URL.</summary>
    /// <param name="url">The URL.</param>
    public static RcloneTarget Parse(string url)
    {
        var remote = url[Scheme.Length..];
        if (remote.Length == 0 || remote.Contains('\0'))
            throw StoreUrl.Invalid(url, "it names no remote ('rclone listremotes' shows the configured ones)", "'rclone:remote:path'");
        // The trailing slash makes it a directory, whatever exists there.
        return new RcloneTarget(remote.EndsWith(':') || remote.EndsWith('/') ? remote : remote + "/");
    }

    /// <summary>Returns a text of rclone's without secrets.</summary>
    /// <param name="text">The text.</param>
    public string Redact(string text)
        => _secrets.Aggregate(text.Replace(Remote, DisplayName, StringComparison.Ordinal),
            (shown, secret) => shown.Replace(secret, Hidden, StringComparison.Ordinal));
}
