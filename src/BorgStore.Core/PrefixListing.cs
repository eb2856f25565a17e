using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <summary>Lists the directories of a namespace that can hold items whose keys start with a prefix, and no others.</summary>
/// <remarks>
/// <para>With two levels, the keys starting with <c>0012</c> are all in <c>00/12</c>, and those starting with <c>001</c> in the directories of
/// <c>00</c> that start with <c>1</c>. A namespace without levels has them in one directory, unless the prefix contains slashes.</para>
/// <para>Only the levels of the namespace are listed. The result may contain items with other keys.</para>
/// </remarks>
internal static class PrefixListing
{
    /// <summary>Lists the items.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="ns">The namespace.</param>
    /// <param name="prefix">The start of the keys; <c>""</c> for all.</param>
    /// <param name="inner">The namespaces inside this one, relative to it and with a slash at the end.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The items by their path below the namespace, in the order of a walk. A directory that cannot be read fails the listing at its end.</returns>
    public static async IAsyncEnumerable<ItemInfo> ListAsync(
        IBackend backend, NamespaceLayout ns, string prefix, string[] inner, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var listings = FindPlaces(ns, prefix, inner).Select(place => new Listing(backend, ns.Name, place, cancellationToken)).ToList();
        try
        {
            await Task.WhenAll(listings.Select(listing => listing.MoveNextAsync())).ConfigureAwait(false);
            while (listings.Where(listing => listing.HasItem).MinBy(listing => listing.Item.Name, WalkOrder) is { } next)
            {
                yield return next.Item;
                await next.MoveNextAsync().ConfigureAwait(false);
            }
            if (listings.Find(listing => listing.Failure is not null) is { } failed) throw failed.Failure!;
        }
        finally
        {
            foreach (var listing in listings) await listing.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static readonly Comparer<string> WalkOrder = Comparer<string>.Create(TreeWalk.ComparePaths);

    private static List<Place> FindPlaces(NamespaceLayout ns, string prefix, string[] inner)
    {
        var places = ns.Levels.Select(level => FindPlace(prefix, level)).OfType<Place>().Distinct()
            .Where(place => CanHoldItems(ns, place.Directory) && !Array.Exists(inner, other => $"{place.Directory}/".StartsWith(other, StringComparison.Ordinal))).ToList();
        return places.FindAll(place => !places.Exists(other => other != place && other.Includes(place)));
    }

    // Returns null if no key at this level can start with the prefix.
    private static Place? FindPlace(string prefix, int level)
    {
        var slash = prefix.LastIndexOf('/');
        // Keys without levels may contain slashes.
        if (level == 0) return new(prefix[..Math.Max(0, slash)], prefix[(slash + 1)..], ListScope.Tree);
        if (slash >= 0) return null;
        var directory = Nesting.FindDirectory(prefix, level, out var rest);
        return rest is null ? new(directory, prefix, ListScope.OneLevel) : new(directory, rest, ListScope.Tree);
    }

    // The prefix comes from the caller and must not lead out of the namespace.
    private static bool CanHoldItems(NamespaceLayout ns, string directory)
        => directory.Length == 0
            || (TreeWalk.MayHoldItems(Join(ns.Name, directory)) && Array.TrueForAll(directory.Split('/'), element => element != "." && ItemName.IsListable(element)));

    private static string Join(string directory, string name)
        => directory.Length == 0 ? name : name.Length == 0 ? directory : $"{directory}/{name}";

    /// <summary>A part of a namespace.</summary>
    /// <param name="Directory">The directory, relative to the namespace.</param>
    /// <param name="Start">The start of the names in it.</param>
    /// <param name="Scope">Whether the directories of such names belong to it.</param>
    private readonly record struct Place(string Directory, string Start, ListScope Scope)
    {
        public bool Includes(Place other) => Scope == ListScope.Tree && other.Path.StartsWith(Path, StringComparison.Ordinal);

        private string Path => Directory.Length == 0 ? Start : $"{Directory}/{Start}";
    }

    private sealed class Listing(IBackend backend, string ns, Place place, CancellationToken cancellationToken) : IAsyncDisposable
    {
        private readonly string _directory = Join(ns, place.Directory);
        private IAsyncEnumerator<ItemInfo>? _items;

        public bool HasItem { get; private set; }

        /// <summary>The current item, by its path below the namespace.</summary>
        public ItemInfo Item { get; private set; }

        /// <summary>Why the directory, or one below it, could not be read.</summary>
        public StoreException? Failure { get; private set; }

        public async Task MoveNextAsync()
        {
            HasItem = false;
            try
            {
                _items ??= backend.ListAsync(_directory, place.Scope, place.Start, cancellationToken).GetAsyncEnumerator(cancellationToken);
                if (!await _items.MoveNextAsync().ConfigureAwait(false)) return;
                Item = _items.Current with { Name = Join(place.Directory, _items.Current.Name) };
                HasItem = true;
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
            {
                // A namespace that is still empty has no directory, nor has a prefix without items.
            }
            catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
            {
                var where = e.Name ?? _directory;
                Failure = place.Directory.Length == 0 || !e.NeedsExplanation ? e : e.Explain($"list the directory '{where}'", where);
            }
        }

        public ValueTask DisposeAsync() => _items?.DisposeAsync() ?? default;
    }
}
