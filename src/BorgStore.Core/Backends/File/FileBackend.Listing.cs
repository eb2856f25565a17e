using BorgStore.Naming;

namespace BorgStore.Backends.Files;

internal sealed partial class FileBackend
{
    /// <inheritdoc/>
    public IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken)
        => new SynchronousSequence<ItemInfo>(List(directory, scope), _gate, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => new SynchronousSequence<TemporaryItem>(ListTemporary(DateTime.UtcNow - olderThan), _gate, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        try
        {
            // Whoever has written to it since is alive; and what a link leads to is not in the store.
            return !IsBehindLink(item.Id) && _calls.GetStatus(item.Id) is { IsDirectory: false } status && status.LastWriteTime <= item.LastWriteTime
                && _calls.Delete(item.Id);
        }
        catch (FileFailure failure)
        {
            throw failure.While("delete the unfinished value", item.Id);
        }
    }

    private bool IsBehindLink(string name)
    {
        for (var end = name.IndexOf('/'); end >= 0; end = name.IndexOf('/', end + 1))
            if (new DirectoryInfo(Path.Combine(_root, name[..end])).LinkTarget is not null) return true;
        return false;
    }

    private IEnumerable<ItemInfo> List(string directory, ListScope scope)
    {
        var unreadable = new UnreadableDirectories();
        var levels = new Stack<(DirectoryReader Reader, string Path, int Next)>();
        try
        {
            levels.Push((OpenListing(directory, unreadable: null) ?? throw NoDirectory(directory), "", 0));
            while (levels.TryPop(out var level))
            {
                if (level.Next == level.Reader.Entries.Count)
                {
                    level.Reader.Dispose();
                    continue;
                }
                var entry = level.Reader.Entries[level.Next];
                levels.Push(level with { Next = level.Next + 1 });

                var path = Join(level.Path, entry.Name);
                if (scope == ListScope.OneLevel || entry.Kind != EntryKind.Directory)
                {
                    if (!TryGetStatus(level.Reader, entry, directory, path, unreadable, out var found) && scope == ListScope.OneLevel)
                    {
                        // Listing it as a directory then fails, and gives the reason.
                        yield return new ItemInfo(path, 0, IsDirectory: true);
                        continue;
                    }
                    if (found is not { } status) continue;
                    if (scope == ListScope.OneLevel || !status.IsDirectory)
                    {
                        yield return status.ToItem(path);
                        continue;
                    }
                }
                // No item can be so far down; a link that leads back up ends here.
                if (path.Length < ItemName.MaxLength && OpenListing(Join(directory, path), unreadable) is { } below)
                    levels.Push((below, path, 0));
            }
            if (scope == ListScope.Tree && unreadable.Failure is { } failure) throw failure;
        }
        finally
        {
            foreach (var (reader, _, _) in levels) reader.Dispose();
        }
    }

    private DirectoryReader? OpenListing(string directory, UnreadableDirectories? unreadable)
    {
        if (OpenListingOfAll(directory, unreadable) is not { } reader) return null;
        reader.Entries.RemoveAll(entry
            => !ItemName.IsListable(entry.Name) || (_options.IsPrivate && entry.Kind == EntryKind.Link));
        reader.Entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return reader;
    }

    // Null where there is no such directory, or where it was noted as one that cannot be read.
    private DirectoryReader? OpenListingOfAll(string directory, UnreadableDirectories? unreadable)
    {
        try
        {
            return _calls.ReadDirectory(directory);
        }
        catch (FileFailure e)
        {
            var failure = e.While("list", directory);
            return unreadable?.TryAdd(directory, failure) == true ? null : throw failure;
        }
    }

    // Without a status where there is no such entry any more; false where it was noted as one that cannot be read.
    private static bool TryGetStatus(
        DirectoryReader reader, DirectoryEntry entry, string directory, string path, UnreadableDirectories unreadable, out FileStatus? status)
    {
        status = null;
        try
        {
            status = reader.GetStatus(entry);
            return true;
        }
        catch (FileFailure e)
        {
            var name = Join(directory, path);
            var failure = e.While("list", name);
            return unreadable.TryAdd(name, failure) ? false : throw failure;
        }
    }

    private IEnumerable<TemporaryItem> ListTemporary(DateTime newest)
    {
        var unreadable = new UnreadableDirectories();
        using var root = OpenListingOfAll("", unreadable: null);
        foreach (var item in ListTemporary(root, "", newest, unreadable)) yield return item;
        if (unreadable.Failure is { } failure) throw failure;
    }

    private IEnumerable<TemporaryItem> ListTemporary(DirectoryReader? reader, string directory, DateTime newest, UnreadableDirectories unreadable)
    {
        foreach (var entry in reader?.Entries ?? [])
        {
            if (entry.Kind == EntryKind.Link) continue;
            var path = Join(directory, entry.Name);
            var isTemporary = entry.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal);
            FileStatus? status = null;
            if (entry.Kind == EntryKind.Unknown || (isTemporary && entry.Kind == EntryKind.File))
                TryGetStatus(reader!, entry, directory, entry.Name, unreadable, out status);
            if (entry.Kind == EntryKind.Directory || status is { IsDirectory: true })
            {
                using var below = OpenListingOfAll(path, unreadable);
                foreach (var item in ListTemporary(below, path, newest, unreadable)) yield return item;
            }
            else if (isTemporary && status is { } file && file.LastWriteTime <= newest)
                yield return new TemporaryItem(path, file.Size, file.LastWriteTime);
        }
    }

    private static StoreException NoDirectory(string directory)
        => new(StoreError.ObjectNotFound, $"Could not list '{directory}': there is no such directory.", directory);
}
