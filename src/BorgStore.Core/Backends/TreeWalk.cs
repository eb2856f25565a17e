using System.Runtime.CompilerServices;
using BorgStore.Naming;

namespace BorgStore.Backends;

/// <summary>Lists a whole tree one directory at a time, for storages that cannot do it themselves.</summary>
public static class TreeWalk
{
    /// <summary>Lists the files of a directory and of all directories below it, sorted within each directory.</summary>
    /// <param name="backend">The backend, which only lists single levels.</param>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="prefix">The start of the names in that directory; <c>""</c> for all.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async IAsyncEnumerable<ItemInfo> ListAsync(
        IBackend backend, string directory, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var unreadable = new UnreadableDirectories();
        var open = new Stack<(string? Below, string Path, IAsyncEnumerator<ItemInfo> Items)>();
        open.Push((null, "", backend.ListAsync(directory, ListScope.OneLevel, prefix, cancellationToken).GetAsyncEnumerator(cancellationToken)));
        try
        {
            while (open.TryPeek(out var level))
            {
                if (!await MoveNextAsync(level.Items, level.Below, unreadable).ConfigureAwait(false))
                {
                    await open.Pop().Items.DisposeAsync().ConfigureAwait(false);
                    continue;
                }
                var item = level.Items.Current;
                var path = level.Path + item.Name;
                if (!item.IsDirectory)
                {
                    yield return item with { Name = path };
                    continue;
                }
                var name = directory.Length == 0 ? path : $"{directory}/{path}";
                if (!MayHoldItems(name)) continue;
                open.Push((name, path + "/",
                    backend.ListAsync(name, ListScope.OneLevel, cancellationToken).GetAsyncEnumerator(cancellationToken)));
            }
            if (unreadable.Failure is { } failure) throw failure;
        }
        finally
        {
            foreach (var (_, _, items) in open) await items.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Returns whether names below a directory can be short enough for items. This stops at a directory that contains itself.</summary>
    /// <param name="directory">The nested name of the directory.</param>
    internal static bool MayHoldItems(string directory) => directory.Length + 2 <= ItemName.MaxLength;

    /// <summary>Compares two paths in the order of a walk: the files of a directory are placed where its name belongs.</summary>
    /// <param name="a">A path.</param>
    /// <param name="b">Another path.</param>
    internal static int ComparePaths(string a, string b)
    {
        var common = a.AsSpan().CommonPrefixLength(b);
        return Rank(a, common) - Rank(b, common);

        static int Rank(string path, int position) => position == path.Length ? -1 : path[position] == '/' ? 0 : path[position];
    }

    /// <summary>Advances to the next entry of a directory.</summary>
    /// <param name="items">Its entries.</param>
    /// <param name="below">Its name if it is below the start of the walk; otherwise <see langword="null"/>.</param>
    /// <param name="unreadable">Receives directories that cannot be read; <see langword="null"/> to let the walk fail.</param>
    /// <returns>Whether there is another entry.</returns>
    internal static async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<ItemInfo> items, string? below, UnreadableDirectories? unreadable)
    {
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound && below is not null)
        {
            // It disappeared since it was listed.
            return false;
        }
        catch (StoreException e) when (below is not null && unreadable?.TryAdd(below, e) == true)
        {
            return false;
        }
    }
}
