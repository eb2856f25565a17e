using System.Globalization;
using System.Text;
using BorgStore.Backends;

namespace BorgStore.Layout;

/// <summary>A Borg 2 repository, recognised by a file in its namespace <c>config</c>.</summary>
/// <param name="Version">The repository's version; <see langword="null"/> for the betas before
/// version 5, which have a <c>config/readme</c> instead of a <c>config/config</c>.</param>
internal sealed record BorgRepository(int? Version)
{
    private const string Title = "This is a Borg Backup repository.";
    private const string ConfigName = "config/config";
    private const string ConfigStart = "# " + Title;
    // Borg writes about 200 bytes.
    private const int MaxConfigSize = 4096;
    private const string ReadmeName = "config/readme";
    private const int FirstVersionWithBlake3 = 5;
    private static readonly string[] ContentAddressed = ["packs", "index", "keys", "locks"];

    /// <summary>Whether the keys of the content-addressed namespaces are known to be BLAKE3 digests.</summary>
    public bool UsesBlake3 => Version >= FirstVersionWithBlake3;

    /// <summary>Returns whether Borg names the items of a namespace by the hash of their values.</summary>
    /// <param name="ns">The name of the namespace.</param>
    public static bool IsContentAddressed(string ns) => ContentAddressed.Contains(ns);

    /// <summary>Looks for a repository, with one request for version 5 and two for others.</summary>
    /// <param name="backend">An open backend.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The repository, or <see langword="null"/> if the store is not one or its files may not be read.</returns>
    public static async ValueTask<BorgRepository?> FindAsync(IBackend backend, CancellationToken cancellationToken)
    {
        var config = await LoadStartAsync(backend, ConfigName, MaxConfigSize, cancellationToken).ConfigureAwait(false);
        if (config.StartsWith(ConfigStart, StringComparison.Ordinal)) return new(ParseVersion(config));
        var readme = await LoadStartAsync(backend, ReadmeName, Title.Length, cancellationToken).ConfigureAwait(false);
        return readme == Title ? new((int?)null) : null;
    }

    // The entry "version" in the section [repository], in the format of Python's configparser.
    private static int? ParseVersion(string config)
    {
        var isInSection = false;
        foreach (var line in config.AsSpan().EnumerateLines())
        {
            var text = line.Trim();
            if (text is ['[', ..])
            {
                isInSection = text is "[repository]";
                continue;
            }
            var delimiter = text.IndexOfAny('=', ':');
            if (isInSection && delimiter > 0 && text[..delimiter].TrimEnd().Equals("version", StringComparison.OrdinalIgnoreCase))
                return int.TryParse(text[(delimiter + 1)..].TrimStart(), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : null;
        }
        return null;
    }

    private static async ValueTask<string> LoadStartAsync(IBackend backend, string name, int length, CancellationToken cancellationToken)
    {
        try
        {
            if (await backend.LoadAsync(name, new(0, length), cancellationToken).ConfigureAwait(false) is not { } value) return "";
            await using (value.ConfigureAwait(false))
                return Encoding.UTF8.GetString(await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (StoreException e) when (e.Error == StoreError.PermissionDenied)
        {
            return "";
        }
    }
}
