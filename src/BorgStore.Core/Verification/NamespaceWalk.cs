using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Verification;

/// <summary>What a walk comes across.</summary>
/// <param name="Path">The path below the namespace, which shows how far the walk is.</param>
/// <param name="Size">The size of a file [bytes].</param>
/// <param name="Finding">What is wrong with a directory, or with a name that no item has; <see langword="null"/> for a file.</param>
internal readonly record struct WalkEntry(string Path, long Size, VerificationFinding? Finding = null);

/// <summary>Walks the directories of a namespace in the order of their names, with everything that other listings leave out.</summary>
internal sealed class NamespaceWalk(Store store, PlaceCheck places, NamespaceLayout ns)
{
    // Enough to hide the delay of a remote storage, and few enough to stay small in memory.
    private const int DirectoriesAhead = 8;
    private const int EntriesAhead = 256;

    private readonly string _prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";

    // Namespaces inside this one are walked on their own.
    private readonly HashSet<string> _others = store.Layout.Namespaces.Where(other => other.Name != ns.Name).Select(other => other.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Walks the namespace.</summary>
    /// <param name="after">The path to continue after; <see langword="null"/> to begin.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<WalkEntry> WalkAsync(string? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var open = new Stack<Level>();
        open.Push(new(Open("", cancellationToken)));
        try
        {
            while (open.TryPeek(out var level))
            {
                var (entry, failure) = await level.NextAsync(OpenBelow).ConfigureAwait(false);
                if (failure is not null && EndOf(level.Directory.Path) is var end && IsAfter(end, after)) yield return new(end, 0, DescribeUnreadable(level.Directory.Path, failure));
                if (entry is not { } found)
                {
                    await open.Pop().DisposeAsync().ConfigureAwait(false);
                    continue;
                }
                if (found.Directory is { } below)
                {
                    if (IsAfter(found.Path, after) && places.CheckDirectory(ns, found.Path) is { } finding) yield return new(found.Path, 0, finding);
                    open.Push(new(below));
                }
                else if (IsAfter(found.Path, after))
                {
                    yield return found.IsForeign ? new(found.Path, 0, PlaceCheck.CreateForeign(_prefix + found.Path, found.Info.IsDirectory ? null : found.Info.Size))
                        : new(found.Path, found.Info.Size);
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
            var isInternal = info.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal) || info.Name.EndsWith(Suffixes.Hidden, StringComparison.Ordinal);
            if (isInternal || _others.Contains(_prefix + path) || (_prefix.Length == 0 && SystemFolders.IsFileSystemFolder(path))) return null;
            if (!ItemName.IsListable(info.Name)) return new(path, info, IsForeign: true, null);
            if (!info.IsDirectory) return new(path, info, IsForeign: false, null);
            return !TreeWalk.MayHoldItems(_prefix + path) || IsDone(path, after) ? null : new(path, info, IsForeign: false, Open(path, cancellationToken));
        }
    }

    // A path after all those in a directory.
    private static string EndOf(string directory) => directory.Length == 0 ? "\uffff" : directory + "/\uffff";

    private static bool IsAfter(string path, string? after) => after is null || TreeWalk.ComparePaths(path, after) > 0;

    // Whether everything in a directory was walked before.
    private static bool IsDone(string directory, string? after)
        => after is not null && !after.StartsWith(directory + "/", StringComparison.Ordinal) && TreeWalk.ComparePaths(directory, after) < 0;

    private VerificationFinding DescribeUnreadable(string path, StoreException failure)
        => new((_prefix + path).TrimEnd('/'), VerificationProblem.Unreadable, failure.Message);

    private Listing Open(string path, CancellationToken cancellationToken) => new(path, store.Storage.ListAsync((_prefix + path).TrimEnd('/'), ListScope.RawLevel, cancellationToken).GetAsyncEnumerator(cancellationToken));

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
