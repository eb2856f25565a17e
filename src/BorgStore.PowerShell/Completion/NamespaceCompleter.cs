using System.Collections;

namespace BorgStore.Commands;

/// <summary>Offers the namespaces of the store.</summary>
public sealed class NamespaceCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(
        string word, string parameter, IDictionary bound, CancellationToken cancellationToken)
        => FindStore(bound) is { } store
            ? store.Layout.Namespaces.Select(ns => ns.Name).Where(name => name.Length > 0 && name.StartsWith(word, StringComparison.OrdinalIgnoreCase))
            : [];
}
