using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Backends.Rclone.Listing;

/// <summary>Lists the content of a remote, with all names.</summary>
/// <param name="server">The rclone to use.</param>
/// <param name="target">The remote.</param>
internal sealed class RcloneLister(RcloneServer server, RcloneTarget target)
{
    /// <summary>The number of directories per level that are listed in advance.</summary>
    private const int Ahead = 8;

    /// <summary>Lists one directory.</summary>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Its files and directories, sorted by name.</returns>
    public async Task<List<ItemInfo>> ListDirectoryAsync(string directory, CancellationToken cancellationToken)
    {
        var items = await ListAsync(directory, recurse: false, cancellationToken).ConfigureAwait(false);
        items.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return items;
    }

    /// <summary>Lists the files of a directory and of all directories below it in one call; with a prefix, in one for the directory and one for
    /// each directory that it selects, because rclone would request everything and filter it afterwards.</summary>
    /// <remarks>Remotes return them in any order, so all must be known before the first can
    /// be returned. Rclone itself needs several times that memory for its response.</remarks>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="prefix">The start of the names in that directory; <c>""</c> for all.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The files by their path below the directory, in the order of a walk.</returns>
    public async Task<List<ItemInfo>> ListTreeAsync(string directory, string prefix, CancellationToken cancellationToken)
    {
        if (prefix.Length > 0)
        {
            var selected = await ListDirectoryAsync(directory, cancellationToken).ConfigureAwait(false);
            selected.RemoveAll(item => !item.Name.StartsWith(prefix, StringComparison.Ordinal));
            var found = new List<ItemInfo>[selected.Count];
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = Ahead, CancellationToken = cancellationToken };
            await Parallel.ForAsync(0, selected.Count, parallel, async (i, token) =>
            {
                var item = selected[i];
                found[i] = !item.IsDirectory ? [item]
                    : [.. (await ListTreeAsync(Join(directory, item.Name), "", token).ConfigureAwait(false)).Select(below => below with { Name = $"{item.Name}/{below.Name}" })];
            }).ConfigureAwait(false);
            return [.. found.SelectMany(items => items)];
        }
        var items = await ListAsync(directory, recurse: true, cancellationToken).ConfigureAwait(false);
        items.RemoveAll(static item => item.IsDirectory);
        items.Sort(static (a, b) => TreeWalk.ComparePaths(a.Name, b.Name));
        return items;
    }

    /// <summary>Lists the files of a directory and of all directories below it, one directory after another with several calls in flight.</summary>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="isWanted">Whether to list the directory of this path below the root.</param>
    /// <param name="list">Lists one directory, sorted by name.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The files by their path below the directory.</returns>
    public static async IAsyncEnumerable<ItemInfo> WalkTreeAsync(
        string directory,
        Func<string, bool> isWanted,
        Func<string, CancellationToken, Task<List<ItemInfo>>> list,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var unreadable = new UnreadableDirectories();
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var open = new Stack<Level>();
        open.Push(new Level("", await list(directory, cancellationToken).ConfigureAwait(false)));
        try
        {
            while (open.TryPeek(out var level))
            {
                if (!level.MoveNext(out var item))
                {
                    open.Pop();
                }
                else if (!item.IsDirectory)
                {
                    yield return item with { Name = level.Path + item.Name };
                }
                else if (isWanted(Join(directory, level.Path + item.Name)))
                {
                    level.Prefetch(path => isWanted(Join(directory, path)), path => ListBelowAsync(Join(directory, path), list, unreadable, abandoned.Token));
                    open.Push(new Level($"{level.Path}{item.Name}/", await level.NextListing().ConfigureAwait(false)));
                }
            }
            if (unreadable.Failure is { } failure) throw failure;
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            foreach (var listing in open.SelectMany(level => level.Listings))
                await ((Task)listing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static string Join(string directory, string path) => directory.Length > 0 ? $"{directory}/{path}" : path;

    // A subdirectory that disappeared since it was listed counts as empty.
    private static async Task<List<ItemInfo>> ListBelowAsync(
        string directory, Func<string, CancellationToken, Task<List<ItemInfo>>> list, UnreadableDirectories unreadable, CancellationToken cancellationToken)
    {
        try
        {
            return await list(directory, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            return [];
        }
        catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
        {
            lock (unreadable) unreadable.TryAdd(directory, e);
            return [];
        }
    }

    private async Task<List<ItemInfo>> ListAsync(string directory, bool recurse, CancellationToken cancellationToken)
    {
        var parameters = new JsonObject
        {
            ["fs"] = target.Remote,
            ["remote"] = directory,
            ["opt"] = new JsonObject { ["recurse"] = recurse, ["noMimeType"] = true, ["filesOnly"] = recurse },
        };
        using var answer = await server.BeginCallAsync("operations/list", parameters, cancellationToken).ConfigureAwait(false);
        var items = new List<ItemInfo>();
        var start = directory.Length > 0 ? directory + "/" : "";
        await foreach (var item in RcloneListReader.ReadAsync(answer, cancellationToken).ConfigureAwait(false))
        {
            if (!item.Name.StartsWith(start, StringComparison.Ordinal) || item.Name.Length == start.Length || (!recurse && item.Name.AsSpan(start.Length).Contains('/')))
                throw RcloneFailure.InvalidResponse("its list contains an entry of another directory");
            items.Add(item with { Name = item.Name[start.Length..] });
        }
        return items;
    }

    // A directory whose items are being returned, with the listings of its next subdirectories.
    private sealed class Level(string path, List<ItemInfo> items)
    {
        private int _next;
        private int _prefetched;

        public string Path => path;

        public Queue<Task<List<ItemInfo>>> Listings { get; } = new();

        public bool MoveNext(out ItemInfo item)
        {
            item = _next < items.Count ? items[_next] : default;
            return _next++ < items.Count;
        }

        public void Prefetch(Func<string, bool> isWanted, Func<string, Task<List<ItemInfo>>> list)
        {
            for (_prefetched = Math.Max(_prefetched, _next - 1); _prefetched < items.Count && Listings.Count < Ahead; _prefetched++)
                if (items[_prefetched].IsDirectory && isWanted(path + items[_prefetched].Name))
                    Listings.Enqueue(list(path + items[_prefetched].Name));
        }

        public Task<List<ItemInfo>> NextListing() => Listings.Dequeue();
    }
}
