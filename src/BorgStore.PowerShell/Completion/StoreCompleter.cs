using System.Collections;

namespace BorgStore.Commands;

/// <summary>Offers the URLs of the open stores, and the schemes of new ones.</summary>
public sealed class StoreCompleter : Completer
{
    private static readonly string[] Schemes = ["file:///", "sftp://"];

    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(
        string word, string parameter, IDictionary bound, CancellationToken cancellationToken)
        => StoreSession.Current.OpenStores.Select(store => store.Uri).Concat(Schemes).Distinct()
            .Where(url => url.StartsWith(word, StringComparison.OrdinalIgnoreCase));
}
