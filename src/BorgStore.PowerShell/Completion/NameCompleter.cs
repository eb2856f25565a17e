using System.Management.Automation;
using BorgStore.Layout;
using BorgStore.PowerShell.Matching;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Completion;

/// <summary>Completes namespaces, and names of items once a namespace is typed.</summary>
public class NameCompleter : Completer
{
    private const int MaxNames = 200;

    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
    {
        if (StoreSession.Current.IsOnDrive(request.Word)) return CompleteOnDrive(request, cancellationToken);
        var isElsewhere = request.Parameter == "Destination" && request.Bound["DestinationStore"] is not null;
        if (request.FindStore(isElsewhere ? "DestinationStore" : "Store") is not { } store) return [];
        return CompleteName(store, request.Word.ToLowerInvariant(), request, cancellationToken);
    }

    // Completes names below the root of a drive.
    private static IEnumerable<string> CompleteOnDrive(CompletionRequest request, CancellationToken cancellationToken)
    {
        var (drive, path) = (request.Word[..request.Word.IndexOf(':')], request.Word[(request.Word.IndexOf(':') + 1)..]);
        if (path.Length > 0 && path[0] is not ('/' or '\\')) return [];
        if (StoreSession.Current.Drives.FirstOrDefault(known => known.Name.Equals(drive, StringComparison.OrdinalIgnoreCase)) is not { Store.IsOpen: true } found) return [];
        return CompleteName(found.Open(), path.Replace('\\', '/').TrimStart('/').ToLowerInvariant(), request, cancellationToken).Select(name => $"{drive}:/{name}");
    }

    private static IEnumerable<string> CompleteName(Store store, string prefix, CompletionRequest request, CancellationToken cancellationToken)
    {
        var namespaces = store.Layout.Namespaces.Select(ns => ns.Name + "/")
            .Where(name => name.Length > Math.Max(1, prefix.Length) && name.StartsWith(prefix, StringComparison.Ordinal));
        return store.Layout.Find(prefix) is { } within
            ? namespaces.Concat(ListNames(store, within, prefix, Select(request), cancellationToken))
            : namespaces;
    }

    private static ItemSelection Select(CompletionRequest request)
        => request.IsOn("Deleted") || request.Command == "Restore-BorgStoreItem" ? ItemSelection.Deleted
            : request.IsOn("IncludeDeleted") ? ItemSelection.All : ItemSelection.Live;

    private static List<string> ListNames(
        Store store, NamespaceLayout ns, string prefix, ItemSelection selection, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        var start = ns.Name.Length == 0 ? prefix : prefix[(ns.Name.Length + 1)..];
        // On the thread pool, so that a blocking storage does not block the prompt for longer than the limit.
        var listing = Task.Run(async () =>
        {
            await foreach (var item in store.ListAsync(ns.Name, start, selection, cancellationToken))
            {
                lock (names) names.Add(item.Name);
                if (names.Count == MaxNames || cancellationToken.IsCancellationRequested) break;
            }
        }, cancellationToken);
        try
        {
            listing.Wait(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Offers the names found within the limit.
        }
        lock (names) return [.. names];
    }
}

/// <summary>Completes names for parameters that take patterns, escaping wildcard characters.</summary>
public sealed class PatternCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => base.Complete(request with { Word = WildcardPattern.Unescape(request.Word) }, cancellationToken).Select(NamePattern.Escape);
}
