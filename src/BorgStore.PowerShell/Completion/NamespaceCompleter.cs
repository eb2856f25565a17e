namespace BorgStore.PowerShell.Completion;

/// <summary>Completes the namespaces of the store.</summary>
public sealed class NamespaceCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => request.FindStore() is { } store
            ? store.Layout.Namespaces.Select(ns => ns.Name)
                .Where(name => name.Length > 0 && name.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase))
            : [];
}
