using BorgStore.Naming;


namespace BorgStore.Backends.Files;

internal sealed partial class FileBackend
{
    /// <inheritdoc/>
    public IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken)
        => new SynchronousSequence<ItemInfo>(List(directory, scope), _gate, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => new SynchronousSequence<TemporaryItem>(ListTemporary("", DateTime.UtcNow - olderThan), _gate, cancellationToken);

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
        var levels = new Stack<(DirectoryReader Reader, string Path, int Next)>();
        try
        {
            levels.Push((OpenListing(directory) ?? throw NoDirectory(directory), "", 0));
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
                    if (GetStatus(level.Reader, entry, path) is not { } status) continue;
                    if (scope == ListScope.OneLevel || !status.IsDirectory)
                    {
                        yield return status.ToItem(path);
                        continue;
                    }
                }
                // No item can be so far down; a link that leads back up ends here.
                if (path.Length < ItemName.MaxLength && OpenListing(Join(directory, path)) is { } below)
                    levels.Push((below, path, 0));
            }
        }
        finally
        {
            foreach (var (reader, _, _) in levels) reader.Dispose();
        }
    }

    private DirectoryReader? OpenListing(string directory)
    {
        try
        {
            if (_calls.ReadDirectory(directory) is not { } reader) return null;
            reader.Entries.RemoveAll(entry
                => !ItemName.IsListable(entry.Name) || (_options.IsPrivate && entry.Kind == EntryKind.Link));
            reader.Entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return reader;
        }
        catch (FileFailure failure)
        {
            throw failure.While("list", directory);
        }
    }

    private static FileStatus? GetStatus(DirectoryReader reader, DirectoryEntry entry, string path)
    {
        try
        {
            return reader.GetStatus(entry);
        }
        catch (FileFailure failure)
        {
            throw failure.While("list", path);
        }
    }

    private IEnumerable<TemporaryItem> ListTemporary(string directory, DateTime newest)
    {
        using var reader = OpenListingOfAll(directory);
        foreach (var entry in reader?.Entries ?? [])
        {
            if (entry.Kind == EntryKind.Link) continue;
            var path = Join(directory, entry.Name);
            var isTemporary = entry.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal);
            var status = entry.Kind == EntryKind.Unknown || (isTemporary && entry.Kind == EntryKind.File)
                ? GetStatus(reader!, entry, path)
                : null;
            if (entry.Kind == EntryKind.Directory || status is { IsDirectory: true })
                foreach (var item in ListTemporary(path, newest))
                    yield return item;
            else if (isTemporary && status is { } file && file.LastWriteTime <= newest)
                yield return new TemporaryItem(path, file.Size, file.LastWriteTime);
        }
    }

    private DirectoryReader? OpenListingOfAll(string directory)
    {
        try
        {
            return _calls.ReadDirectory(directory);
        }
        catch (FileFailure failure)
        {
            throw failure.While("look for unfinished values in", directory);
        }
    }

    private static StoreException NoDirectory(string directory)
        => new(StoreError.ObjectNotFound, $"Could not list '{directory}': there is no such directory.", directory);
}
