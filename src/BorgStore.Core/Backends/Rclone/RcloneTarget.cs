using System.Text;

namespace BorgStore.Backends.Rclone;

/// <summary>What stands behind <c>rclone:</c> in a URL, which rclone gets as it is: <c>remote:path</c>, a path on this machine, or a
/// connection string such as <c>:webdav,url='https://host/',user=me,pass=…:path</c>.</summary>
internal sealed class RcloneTarget
{
    private const string Scheme = "rclone:";
    private const string Hidden = "***";

    // Every other parameter may hold a secret.
    private static readonly HashSet<string> ShownParameters = ["host", "port", "user", "provider", "region"];

    private readonly List<string> _secrets = [];

    private RcloneTarget(string remote)
    {
        Remote = remote;
        Shown = Redact(remote, _secrets);
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

    /// <summary>A URL as it may be shown: without the values of parameters that may be secret.</summary>
    /// <param name="url">A URL of the scheme <c>rclone</c>.</param>
    public static string RedactUrl(string url) => url[..Scheme.Length] + Redact(url[Scheme.Length..], []);

    /// <summary>A text of rclone's as it may be shown.</summary>
    /// <param name="text">The text.</param>
    public string Redact(string text)
        => _secrets.Aggregate(text.Replace(Remote, Shown, StringComparison.Ordinal),
            (shown, secret) => shown.Replace(secret, Hidden, StringComparison.Ordinal));

    // name,key=value,key='a value with , and : and a '' quote',…:path
    private static string Redact(string remote, List<string> secrets)
    {
        if (remote.Length == 0) return remote;
        var position = remote.AsSpan(1).IndexOfAny(',', ':', '/') + 1;
        if (position == 0 || remote[position] != ',') return remote;

        var shown = new StringBuilder(remote, 0, position, remote.Length);
        while (position < remote.Length && remote[position] == ',')
        {
            var keyStart = ++position;
            while (position < remote.Length && remote[position] is not ('=' or ',' or ':')) position++;
            var key = remote[keyStart..position];
            shown.Append(',').Append(key);
            if (position == remote.Length || remote[position] != '=') continue;

            var valueStart = ++position;
            position = SkipValue(remote, position);
            var value = remote[valueStart..position];
            shown.Append('=').Append(ShownParameters.Contains(key) ? value : Hidden);
            if (!ShownParameters.Contains(key)) AddSecret(value, secrets);
        }
        return shown.Append(remote, position, remote.Length - position).ToString();
    }

    private static int SkipValue(string remote, int position)
    {
        if (position < remote.Length && remote[position] is '\'' or '"')
        {
            var quote = remote[position++];
            for (; position < remote.Length; position++)
            {
                if (remote[position] != quote) continue;
                // A doubled quote stands for one.
                if (position + 1 == remote.Length || remote[position + 1] != quote) return position + 1;
                position++;
            }
        }
        while (position < remote.Length && remote[position] is not (',' or ':')) position++;
        return position;
    }

    private static void AddSecret(string value, List<string> secrets)
    {
        var text = value.Trim('\'', '"');
        if (text.Length > 0 && text is not ("true" or "false")) secrets.Add(text);
    }
}
