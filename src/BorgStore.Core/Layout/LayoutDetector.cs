using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Layout;

/// <summary>Recognises the namespaces and levels of a store from a sample of its content.</summary>
/// <remarks>What a sample cannot show (a namespace without items, the order of two levels) stays unknown.</remarks>
internal static class LayoutDetector
{
    // All directories of two hexadecimal digits at the first depth, fewer below: a change of level affects the first depth.
    private const int SampledDirectories = 256;
    private const int SampledDeeperDirectories = 32;
    private const int ParallelListings = 16;
    private const int SampledEntries = 1024;

    /// <summary>Recognises the layout of a store.</summary>
    /// <param name="backend">An open backend.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static Task<StoreLayout> DetectAsync(IBackend backend, CancellationToken cancellationToken) => DetectAsync(backend, null, cancellationToken);

    /// <summary>Recognises the layout of a store.</summary>
    /// <param name="backend">An open backend.</param>
    /// <param name="recalled">The layout recognised before, which is returned if the store still has the same namespaces.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<StoreLayout> DetectAsync(IBackend backend, StoreLayout? recalled, CancellationToken cancellationToken)
    {
        if (recalled is not null && await HasSameNamespacesAsync(backend, recalled, cancellationToken).ConfigureAwait(false)) return recalled;
        if (await BorgRepository.FindAsync(backend, cancellationToken).ConfigureAwait(false) is not null) return StoreLayout.Borg2;

        var root = await ReadDirectoryAsync(backend, "", cancellationToken).ConfigureAwait(false);
        var directories = FindDirectories(root);
        // Two-character directories at the root are the nesting of keys without a namespace, if all keys below agree with that.
        if (directories.Count > 0 && directories.TrueForAll(name => name.Length == 2))
        {
            var sample = await SampleLevelsAsync(backend, "", cancellationToken).ConfigureAwait(false);
            if (sample.Keys.SequenceEqual([""]) && sample[""] is { Count: > 0 } levels && levels.All(level => level > 0)) return new([Describe("", levels)]);
        }

        var namespaces = new List<NamespaceLayout>();
        foreach (var name in directories)
        {
            foreach (var (below, levels) in await SampleLevelsAsync(backend, name, cancellationToken).ConfigureAwait(false))
            {
                var full = below.Length == 0 ? name : $"{name}/{below}";
                // Directories in one another may have a name that is too long for any item in it.
                if (ItemName.IsReadable(full)) namespaces.Add(Describe(full, levels));
            }
        }
        if (root.Exists(item => !item.IsDirectory)) namespaces.Add(new("", 0));
        return new(namespaces);
    }

    private static async Task<bool> HasSameNamespacesAsync(IBackend backend, StoreLayout layout, CancellationToken cancellationToken)
    {
        var root = await ReadDirectoryAsync(backend, "", cancellationToken).ConfigureAwait(false);
        var names = FindDirectories(root);
        if (root.Exists(item => !item.IsDirectory)) names.Add("");
        return layout.Namespaces.Select(ns => ns.Name.Split('/')[0]).ToHashSet(StringComparer.Ordinal).SetEquals(names);
    }

    private static List<string> FindDirectories(List<ItemInfo> root)
        => [.. root.Where(item => item.IsDirectory && ItemName.IsReadable(item.Name) && !SystemFolders.IsLikelySystemFolder(item.Name)).Select(item => item.Name)];

    private static NamespaceLayout Describe(string name, SortedSet<int> levels) => levels.Count switch
    {
        0 => new(name, [.. Enumerable.Range(0, NamespaceLayout.MaxSearchedLevels + 1)]) { IsKnown = false },
        1 => new(name, levels.Min),
        // Which of two levels is the new one cannot be seen.
        _ => new(name, [.. levels]) { IsKnown = false },
    };

    // Samples directories of each depth, spread evenly over the names, so that a partial change of level is detected.
    // Returns the levels of the namespace itself, under "", and of namespaces below it, such as "raw" in "photos".
    private static async Task<SortedDictionary<string, SortedSet<int>>> SampleLevelsAsync(IBackend backend, string ns, CancellationToken cancellationToken)
    {
        var levels = new SortedDictionary<string, SortedSet<int>>(StringComparer.Ordinal);
        var hasSlashes = false;
        List<string> paths = [""];
        for (var depth = 0; paths.Count > 0 && depth <= NamespaceLayout.MaxLevel; depth++)
        {
            var listings = new List<ItemInfo>[paths.Count];
            var parents = paths;
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = ParallelListings, CancellationToken = cancellationToken };
            await Parallel.ForAsync(0, parents.Count, parallel, async (i, token) =>
                listings[i] = await ReadDirectoryAsync(backend, $"{ns}/{parents[i]}".Trim('/'), token).ConfigureAwait(false)).ConfigureAwait(false);

            var below = new List<string>();
            for (var i = 0; i < parents.Count; i++)
            {
                foreach (var item in listings[i])
                {
                    var path = parents[i].Length == 0 ? item.Name : $"{parents[i]}/{item.Name}";
                    if (item.IsDirectory) below.Add(path);
                    else if (FindLevel(path) is var (nsBelow, level)) (levels.TryGetValue(nsBelow, out var seen) ? seen : levels[nsBelow] = []).Add(level);
                    else hasSlashes = true;
                }
            }
            paths = Spread(below, depth == 0 ? SampledDirectories : SampledDeeperDirectories);
        }
        // Keys with slashes exist only in flat namespaces; beside other keys they were put there by something else.
        if (levels.Count == 0) levels[""] = hasSlashes ? [0] : [];
        return levels;
    }

    // Flat keys may contain slashes, nested ones never do: if directories are the beginning of the key that follows
    // them, a namespace starts there. Directories of two characters may also be the nesting of a misplaced key.
    private static (string Namespace, int Level)? FindLevel(string path)
    {
        for (int start = 0, end; ; start = end + 1)
        {
            if (Nesting.Unnest(path[start..]) is var (key, level, _) && (level > 0 || (start == 0 && !key.Contains('/')))) return (path[..Math.Max(0, start - 1)], level);
            end = path.IndexOf('/', start);
            if (end < 0 || end - start == 2) return null;
        }
    }

    private static List<string> Spread(List<string> paths, int count)
        => paths.Count <= count
            ? paths
            : [.. Enumerable.Range(0, count).Select(i => paths[(int)((long)i * (paths.Count - 1) / (count - 1))])];

    private static async Task<List<ItemInfo>> ReadDirectoryAsync(IBackend backend, string directory, CancellationToken cancellationToken)
    {
        var items = new List<ItemInfo>();
        try
        {
            await foreach (var item in backend.ListAsync(directory, ListScope.OneLevel, cancellationToken).ConfigureAwait(false))
            {
                items.Add(item);
                if (items.Count == SampledEntries) break;
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound || UnreadableDirectories.CanGoOnAfter(e))
        {
            // A directory that cannot be listed provides no information.
        }
        return items;
    }
}
