using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Completion;

/// <summary>Completes URLs of stores: those of the open stores, the schemes, and below <c>file:</c> the folders of this machine.</summary>
public sealed class StoreCompleter : Completer
{
    private const string FileScheme = "file://";

    private static IEnumerable<string> Prefixes => BackendFactory.KnownSchemes.Select(scheme => scheme switch
    {
        "file" => FileScheme + "/",
        "s3" or "b2" or "rclone" => scheme + ":",
        _ => scheme + "://",
    });

    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
    {
        IEnumerable<string> open = AcceptsOpenStores(request) ? StoreSession.Current.OpenStores.Select(store => store.Uri) : [];
        return open.Concat(AcceptsOtherStores(request) ? Prefixes.Concat(FindFolders(request.Word)) : []).Distinct()
            .Where(url => url.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase));
    }

    // A new store or a cache is never one of the open stores.
    private static bool AcceptsOpenStores(CompletionRequest request) => request is not ({ Command: "New-BorgStore" } or { Parameter: "CacheUri" });

    private static bool AcceptsOtherStores(CompletionRequest request) => request.Command is not ("Close-BorgStore" or "Get-BorgStore");

    private static IEnumerable<string> FindFolders(string word)
    {
        if (!word.StartsWith(FileScheme + "/", StringComparison.OrdinalIgnoreCase)) return [];
        var parent = word[..(word.LastIndexOf('/') + 1)];
        var folder = new DirectoryInfo(new Uri(parent).LocalPath);
        return folder.EnumerateDirectories().Where(found => !found.Attributes.HasFlag(FileAttributes.Hidden))
            .Select(found => parent + Uri.EscapeDataString(found.Name)).Order(StringComparer.Ordinal);
    }
}
