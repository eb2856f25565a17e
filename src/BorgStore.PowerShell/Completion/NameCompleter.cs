using System.Collections;
using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Offers namespaces, and the names of items once a namespace is typed.</summary>
public sealed class NameCompleter : Completer
{
    private const int MostNames = 200;

    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(
        string word, string parameter, IDictionary bound, CancellationToken cancellationToken)
    {
        if ((parameter == "Destination" ? FindStore(bound, "DestinationStore") ?? FindStore(bound) : FindStore(bound)) is not { } store) return [];
        var prefix = word.ToLowerInvariant();
        var namespaces = store.Layout.Namespaces.Select(ns => ns.Name + "/")
            .Where(name => name.Length > Math.Max(1, prefix.Length) && name.StartsWith(prefix, StringComparison.Ordinal));
        return store.Layout.Find(prefix) is { } within
            ? namespaces.Concat(ListNames(store, within.Name, prefix, Select(bound), cancellationToken))
            : namespaces;
    }

    private static ItemSelection Select(IDictionary bound)
        => LanguagePrimitives.IsTrue(bound["Deleted"]) ? ItemSelection.Deleted
            : LanguagePrimitives.IsTrue(bound["IncludeDeleted"]) ? ItemSelection.All : ItemSelection.Live;

    private static List<string> ListNames(Store store, string ns, string prefix, ItemSelection selection, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        // On a thread of the pool, so that a storage that blocks does not block the prompt longer than the limit.
        var listing = Task.Run(async () =>
        {
            await foreach (var item in store.ListAsync(ns, selection, cancellationToken))
            {
                if (!item.Name.StartsWith(prefix, StringComparison.Ordinal)) continue;
                lock (names) names.Add(item.Name);
                if (names.Count == MostNames || cancellationToken.IsCancellationRequested) break;
            }
        }, cancellationToken);
        try
        {
            listing.Wait(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // What was found within the limit is offered.
        }
        lock (names) return [.. names];
    }
}
