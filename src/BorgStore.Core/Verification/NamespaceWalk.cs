using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Verification;

/// <summary>How far a walk is.</summary>
/// <param name="Path">The path below the namespace; that of a directory ends with a slash.</param>
/// <param name="IsInTree">Whether everything before it in the listing of the whole tree was walked, in the storage's order; otherwise everything
/// before it in the order of directories.</param>
internal readonly record struct WalkPosition(string Path, bool IsInTree);

/// <summary>What a walk comes across.</summary>
/// <param name="Position">How far the walk is with this; the path of a file.</param>
/// <param name="Size">The size of a file [bytes].</param>
/// <param name="Finding">What is wrong with a directory, or with a name that no item has; <see langword="null"/> for a file.</param>
internal readonly record struct WalkEntry(WalkPosition Position, long Size, VerificationFinding? Finding = null);

/// <summary>Walks a namespace, with everything that other listings leave out.</summary>
/// <remarks>A storage that lists whole trees with fewer requests is walked in its own order, because another one would need all names in memory.
/// All others are walked one directory after another, in the order of their names.</remarks>
internal sealed class NamespaceWalk(Store store, PlaceCheck places, NamespaceLayout ns)
{
    // Enough to hide the delay of a remote storage, and few enough to stay small in memory.
    private const int DirectoriesAhead = 8;
    private const int EntriesAhead = 256;

    private readonly string _prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";

    // Namespaces inside this one are walked on their own.
    private readonly HashSet<string> _others = store.Layout.Namespaces.Where(other => other.Name != ns.Name).Select(other => other.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Walks the namespace.</summary>
    /// <param name="after">The position to continue after, in the order in which the walk began; <see langword="null"/> to begin.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<WalkEntry> WalkAsync(WalkPosition? after, CancellationToken cancellationToken)
    {
        if (after is { IsInTree: false } reached) return WalkDirectoriesAsync(reached.Path, cancellationToken);
        var listed = after?.Path ?? "";
        // The tree would include the namespaces inside this one.
        return !_others.Any(other => other.StartsWith(_prefix, StringComparison.Ordinal))
            && store.Storage.ListRawTreeAsync(ns.Name, listed, cancellationToken) is { } tree
                ? WalkTreeAsync(tree, listed, cancellationToken)
                : WalkDirectoriesAsync(after: null, cancellationToken);
    }

    private async IAsyncEnumerable<WalkEntry> WalkTreeAsync(
        IAsyncEnumerable<ItemInfo> tree, string after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (after == EndOf("")) yield break;
        var place = new TreePlace(this);
        place.Enter(after);
        var items = new Listing("", tree.GetAsyncEnumerator(cancellationToken));
        await using (items.ConfigureAwait(false))
        {
            while (true)
            {
                var (info, failure) = await items.NextAsync().ConfigureAwait(false);
                if (failure is not null) yield return new(InTree(EndOf("")), 0, DescribeUnreadable("", failure));
                if (info is not { } item) yield break;
                foreach (var entry in place.Enter(item.Name)) yield return entry;
                if (item.IsDirectory || place.IsSkipped(item.Name)) continue;
                var kind = Classify(item.Name, item.Name.AsSpan(item.Name.LastIndexOf('/') + 1));
                if (kind != NameKind.Internal)
                    yield return new(InTree(item.Name), item.Size, kind == NameKind.Foreign ? PlaceCheck.CreateForeign(_prefix + item.Name, item.Size) : null);
            }
        }
    }

    private async IAsyncEnumerable<WalkEntry> WalkDirectoriesAsync(string? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var open = new Stack<Level>();
        open.Push(new(Open("", cancellationToken)));
        try
        {
            while (open.TryPeek(out var level))
            {
                var (entry, failure) = await level.NextAsync(OpenBelow).ConfigureAwait(false);
                if (failure is not null && EndOf(level.Directory.Path) is var end && IsAfter(end, after)) yield return new(InOrder(end), 0, DescribeUnreadable(level.Directory.Path, failure));
                if (entry is not { } found)
                {
                    await open.Pop().DisposeAsync().ConfigureAwait(false);
                    continue;
                }
                // A file may have the same path in some storages.
                var position = found.Info.IsDirectory ? found.Path + "/" : found.Path;
                if (found.Directory is { } below)
                {
                    if (IsAfter(position, after) && CheckDirectory(found.Path) is { } finding) yield return new(InOrder(position), 0, finding);
                    open.Push(new(below));
                }
                else if (IsAfter(position, after))
                {
                    yield return found.IsForeign ? new(InOrder(position), 0, PlaceCheck.CreateForeign(_prefix + found.Path, found.Info.IsDirectory ? null : found.Info.Size))
                        : new(InOrder(position), found.Info.Size);
                }
            }
        }
        finally
        {
            while (open.TryPop(out var level)) await level.DisposeAsync().ConfigureAwait(false);
        }

        // Decides what to do with an entry as soon as it is listed, so that directories are listed ahead.
        Found? OpenBelow(Listing directory, ItemInfo info)
        {
            var path = directory.Path.Length == 0 ? info.Name : $"{directory.Path}/{info.Name}";
            var kind = Classify(path, info.Name);
            if (kind == NameKind.Internal) return null;
            if (kind == NameKind.Foreign) return new(path, info, IsForeign: true, null);
            if (!info.IsDirectory) return new(path, info, IsForeign: false, null);
            return !TreeWalk.MayHoldItems(_prefix + path) || IsDone(path, after) ? null : new(path, info, IsForeign: false, Open(path, cancellationToken));
        }
    }

    private static WalkPosition InTree(string path) => new(path, IsInTree: true);

    private static WalkPosition InOrder(string path) => new(path, IsInTree: false);

    private NameKind Classify(string path, ReadOnlySpan<char> name)
    {
        var isInternal = name.EndsWith(Suffixes.Temporary) || name.EndsWith(Suffixes.Hidden);
        if (isInternal || _others.Contains(_prefix + path) || (_prefix.Length == 0 && SystemFolders.IsFileSystemFolder(path))) return NameKind.Internal;
        return ItemName.IsListable(name) ? NameKind.Ordinary : NameKind.Foreign;
    }

    // A path after all those in a directory.
    private static string EndOf(string directory) => directory.Length == 0 ? "\uffff" : directory + "/\uffff";

    private static bool IsAfter(string path, string? after) => after is null || TreeWalk.ComparePaths(path, after) > 0;

    // Whether everything in a directory was walked before.
    private static bool IsDone(string directory, string? after)
        => after is not null && !after.StartsWith(directory + "/", StringComparison.Ordinal) && TreeWalk.ComparePaths(directory, after) < 0;

    private VerificationFinding? CheckDirectory(string path) => places.CheckDirectory(ns, path);

    private VerificationFinding DescribeUnreadable(string path, StoreException failure)
        => new((_prefix + path).TrimEnd('/'), VerificationProblem.Unreadable, failure.Message);

    private Listing Open(string path, CancellationToken cancellationToken) => new(path, store.Storage.ListAsync((_prefix + path).TrimEnd('/'), ListScope.RawLevel, cancellationToken).GetAsyncEnumerator(cancellationToken));

    /// <summary>What a name says about a file or directory.</summary>
    private enum NameKind
    {
        /// <summary>It may be an item or lead to some.</summary>
        Ordinary,

        /// <summary>It is used internally or does not belong to the namespace, and is checked elsewhere.</summary>
        Internal,

        /// <summary>Nothing in a store has such a name.</summary>
        Foreign,
    }

    /// <summary>The directory that the listing of a whole tree is in. Directories are known by the paths of what is in them.</summary>
    private sealed class TreePlace(NamespaceWalk walk)
    {
        // Both end with a slash.
        private string _directory = "";
        private string? _skipped;

        /// <summary>Returns whether a path is in a directory that is not walked.</summary>
        /// <param name="path">The path that was entered last.</param>
        public bool IsSkipped(string path) => _skipped is not null && path.StartsWith(_skipped, StringComparison.Ordinal);

        /// <summary>Enters the directories of a path.</summary>
        /// <param name="path">The path of a file, or that of a directory with a slash at its end.</param>
        /// <returns>What is wrong with directories that the previous path was not in.</returns>
        public List<WalkEntry> Enter(string path)
        {
            if (IsSkipped(path)) return [];
            _skipped = null;
            var found = new List<WalkEntry>();
            var common = path.AsSpan().CommonPrefixLength(_directory);
            for (int start = 0, slash; _skipped is null && (slash = path.IndexOf('/', start)) >= 0; start = slash + 1)
            {
                if (slash < common) continue;
                var directory = path[..slash];
                var kind = walk.Classify(directory, path.AsSpan(start, slash - start));
                var finding = kind == NameKind.Foreign ? PlaceCheck.CreateForeign(walk._prefix + directory, size: null) : null;
                if (kind != NameKind.Ordinary || !TreeWalk.MayHoldItems(walk._prefix + directory)) _skipped = directory + "/";
                else finding = walk.CheckDirectory(directory);
                if (finding is not null) found.Add(new(InTree(directory + "/"), 0, finding));
            }
            _directory = _skipped ?? path[..(path.LastIndexOf('/') + 1)];
            return found;
        }
    }

    /// <summary>An entry of a directory.</summary>
    private sealed record Found(string Path, ItemInfo Info, bool IsForeign, Listing? Directory);

    /// <summary>The listing of a directory, which begins before it is needed.</summary>
    private sealed class Listing(string path, IAsyncEnumerator<ItemInfo> items) : IAsyncDisposable
    {
        private readonly Queue<ItemInfo> _ahead = new();
        private Task? _reading;
        private StoreException? _failure;
        private bool _isAtEnd;

        public string Path => path;

        /// <summary>Begins to list.</summary>
        public void Begin() => _reading ??= Task.Run(ReadAheadAsync);

        /// <summary>Returns the next entry, or the reason why there is none; neither at the end.</summary>
        public async ValueTask<(ItemInfo? Info, StoreException? Failure)> NextAsync()
        {
            if (_reading is not null) await _reading.ConfigureAwait(false);
            _reading = Task.CompletedTask;
            if (_ahead.TryDequeue(out var info)) return (info, null);
            if (!_isAtEnd) await ReadAsync().ConfigureAwait(false);
            if (_ahead.TryDequeue(out info)) return (info, null);
            (var failure, _failure) = (_failure, null);
            return (null, failure);
        }

        public async ValueTask DisposeAsync()
        {
            if (_reading is not null) await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await items.DisposeAsync().ConfigureAwait(false);
        }

        private async Task ReadAheadAsync()
        {
            while (!_isAtEnd && _ahead.Count < EntriesAhead) await ReadAsync().ConfigureAwait(false);
        }

        private async ValueTask ReadAsync()
        {
            try
            {
                _isAtEnd = !await items.MoveNextAsync().ConfigureAwait(false);
                if (!_isAtEnd) _ahead.Enqueue(items.Current);
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
            {
                // A namespace without items has no directory, and others may disappear.
                _isAtEnd = true;
            }
            catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
            {
                (_isAtEnd, _failure) = (true, e);
            }
        }
    }

    /// <summary>A directory that the walk is in, with the next directories below it.</summary>
    private sealed class Level(Listing directory) : IAsyncDisposable
    {
        private readonly Queue<Found> _next = new();
        private StoreException? _failure;
        private bool _isAtEnd;
        private int _directories;

        public Listing Directory => directory;

        public async ValueTask<(Found? Entry, StoreException? Failure)> NextAsync(Func<Listing, ItemInfo, Found?> open)
        {
            // A long run of files must not be collected in search of a directory.
            while (!_isAtEnd && _directories < DirectoriesAhead && _next.Count < EntriesAhead)
            {
                var (info, failure) = await directory.NextAsync().ConfigureAwait(false);
                if (info is null) (_isAtEnd, _failure) = (true, failure);
                else if (open(directory, info.Value) is { } found)
                {
                    _next.Enqueue(found);
                    if (found.Directory is null) continue;
                    found.Directory.Begin();
                    _directories++;
                }
            }
            if (_next.TryDequeue(out var next))
            {
                if (next.Directory is not null) _directories--;
                return (next, null);
            }
            (var reason, _failure) = (_failure, null);
            return (null, reason);
        }

        public async ValueTask DisposeAsync()
        {
            await directory.DisposeAsync().ConfigureAwait(false);
            foreach (var found in _next)
                if (found.Directory is { } below) await below.DisposeAsync().ConfigureAwait(false);
        }
    }
}
