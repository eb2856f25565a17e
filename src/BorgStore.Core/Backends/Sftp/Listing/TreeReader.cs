using System.Runtime.CompilerServices;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Naming;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Walks a tree in the order of its names, reading many directories ahead of the caller.</summary>
/// <param name="read">Reads a directory, sorted by name; returns <see langword="null"/> if it does not exist.</param>
/// <param name="atOnce">The number of directories to read at once.</param>
internal sealed class TreeReader(Func<string, CancellationToken, Task<List<Entry>?>> read, int atOnce)
{
    // Limits the entries of directories that were read ahead of the caller.
    private const int MaxEntriesAhead = 64 * 1024;

    // If more directories than this are known, only the next ones for the caller are read, so that a very large tree is never known completely.
    private const int MaxKnownNodes = 256 * 1024;

    private readonly object _lock = new();

    // In walking order: directories that are known but not yet read, and those being read, which will be replaced with their subdirectories.
    private readonly LinkedList<Node> _known = new();

    private int _reading;

    // Counts only directories that contain no subdirectories. Otherwise the many directories below one would have to wait for those beside it.
    private int _entriesAhead;

    /// <summary>Walks the tree.</summary>
    /// <param name="directory">The directory to start with.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The path of each file below that directory, and its attributes.</returns>
    public async IAsyncEnumerable<Entry> WalkAsync(string directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var unreadable = new UnreadableDirectories();
        var root = new Node(directory, "");
        var way = new Stack<(Node Node, IEnumerator<Entry> Entries)>();
        try
        {
            lock (_lock) root.Place = _known.AddLast(root);
            way.Push((root, await EnterAsync(root, ended.Token).ConfigureAwait(false)
                ?? throw root.Failure ?? new StoreException(StoreError.ObjectNotFound, name: directory)));
            while (way.TryPeek(out var current))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!current.Entries.MoveNext())
                {
                    way.Pop();
                    continue;
                }
                var entry = current.Entries.Current;
                if (!entry.Attributes.IsDirectory)
                {
                    yield return entry with { Name = current.Node.Prefix + entry.Name };
                }
                // A directory that disappeared since it was listed is left out.
                else if (current.Node.Children.Remove(entry.Name, out var child)
                    && await EnterAsync(child, ended.Token).ConfigureAwait(false) is { } entries)
                {
                    way.Push((child, entries));
                }
                else if (child?.Failure is { } reason)
                {
                    unreadable.TryAdd(child.Path, reason);
                }
            }
            if (unreadable.Failure is { } failure) throw failure;
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task<IEnumerator<Entry>?> EnterAsync(Node node, CancellationToken cancellationToken)
    {
        Task<List<Entry>?> reading;
        lock (_lock) reading = node.Reading ?? Start(node, cancellationToken);
        var entries = await reading.ConfigureAwait(false);
        node.Reading = null;
        lock (_lock)
        {
            _entriesAhead -= node.EntriesAhead;
            StartMore(cancellationToken);
        }
        return entries?.GetEnumerator();
    }

    private void StartMore(CancellationToken cancellationToken)
    {
        var index = 0;
        for (var place = _known.First; place is not null && _reading < atOnce && _entriesAhead < MaxEntriesAhead; place = place.Next)
        {
            if (index++ >= atOnce && _known.Count > MaxKnownNodes) return;
            if (!place.Value.IsStarted) Start(place.Value, cancellationToken);
        }
    }

    private Task<List<Entry>?> Start(Node node, CancellationToken cancellationToken)
    {
        _reading++;
        node.IsStarted = true;
        node.Reading = ReadAsync(node, cancellationToken);
        _ = AbandonedTask.ObserveAsync(node.Reading); // The walk may end before it reaches this directory.
        return node.Reading;
    }

    private async Task<List<Entry>?> ReadAsync(Node node, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var entries = (List<Entry>?)null;
        try
        {
            entries = await read(node.Path, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
        {
            node.Failure = e;
        }
        lock (_lock)
        {
            foreach (var entry in entries ?? [])
            {
                if (!entry.Attributes.IsDirectory || !ItemName.IsListable(entry.Name)) continue;
                var path = node.Path.Length == 0 ? entry.Name : $"{node.Path}/{entry.Name}";
                // No item's path is that long; this also stops at links that form a cycle.
                if (path.Length >= ItemName.MaxLength) continue;
                var child = new Node(path, $"{node.Prefix}{entry.Name}/");
                child.Place = _known.AddBefore(node.Place!, child);
                node.Children.Add(entry.Name, child);
            }
            _known.Remove(node.Place!);
            _reading--;
            if (node.Children.Count == 0) _entriesAhead += node.EntriesAhead = 1 + (entries?.Count ?? 0);
            StartMore(cancellationToken);
        }
        return entries;
    }

    /// <summary>A directory ahead of the walk.</summary>
    private sealed class Node(string path, string prefix)
    {
        public string Path => path;

        public string Prefix => prefix;

        /// <summary>Why it could not be read.</summary>
        public StoreException? Failure { get; set; }

        public Dictionary<string, Node> Children { get; } = new(StringComparer.Ordinal);

        public LinkedListNode<Node>? Place { get; set; }

        public bool IsStarted { get; set; }

        public int EntriesAhead { get; set; }

        public Task<List<Entry>?>? Reading { get; set; }
    }
}
