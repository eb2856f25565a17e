using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using BorgStore.Backends.Files.Portable;
using BorgStore.Backends.Files.Private;
using BorgStore.Backends.Files.Quota;
using BorgStore.Backends.Shared;
using BorgStore.Naming;

namespace BorgStore.Backends.Files;

/// <summary>A store in a directory of a file system.</summary>
/// <remarks>
/// <para>A value is a file with its nested name. It is written under a temporary name in the same directory and
/// then renamed, so that it exists completely or not at all. The layout is that of the Python package.</para>
/// <para>Short operations run synchronously on the caller's thread; the methods are still asynchronous, so that every
/// failure is reported through the task. Hashing, defragmentation and large values run on the thread pool.</para>
/// </remarks>
internal sealed partial class FileBackend : Backend
{
    private readonly string _root;
    private readonly BackendOptions _options;
    private readonly FileSystem _fileSystem;
    private readonly FileFlusher _flusher;
    private FileQuota? _quota;
    private FileBackend? _uncopyable;

    /// <summary>Initializes a backend; nothing is accessed yet.</summary>
    /// <param name="path">The absolute path of its directory.</param>
    /// <param name="options">The options; <see cref="BackendOptions.Permissions"/> are enforced by another class.</param>
    public FileBackend(string path, BackendOptions? options = null)
        : this(path, options, FileSystem.For)
    {
    }

    internal FileBackend(string path, BackendOptions? options, Func<string, FileSystem> createFileSystem)
    {
        if (!Path.IsPathFullyQualified(path))
            throw new StoreException(StoreError.InvalidArgument, "The path of a store must be absolute.");
        _root = Path.TrimEndingDirectorySeparator(path);
        _options = options ?? new BackendOptions();
        if (_options.Quota < 0) throw new StoreException(StoreError.InvalidArgument, "A quota cannot be negative.");
        _fileSystem = _options.IsPrivate ? new PrivateFileSystem(createFileSystem(_root), _root) : createFileSystem(_root);
        _flusher = new FileFlusher(_fileSystem, _options.Durability, _options.Warning);
    }

    /// <inheritdoc/>
    protected override async Task CreateCoreAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (File.Exists(_root)) throw AlreadyExists("it is a file");
        var missing = CountMissingDirectories();
        FileErrors.Map(MakeRoot);
        using (var contents = _fileSystem.ReadDirectory(""))
            if (contents is null || HasContent(contents)) throw AlreadyExists(null);
        if (_options.Durability != Durability.None) SyncRoot(missing);
    }

    /// <inheritdoc/>
    protected override async Task DestroyCoreAsync(CancellationToken cancellationToken)
    {
        await ToThreadPoolAsync();
        if (FindForeign("", cancellationToken) is { } foreign) throw ForeignContent.CreateException(new Uri(_root).AbsoluteUri, foreign);
        try
        {
            RemoveContents("", cancellationToken);
            _fileSystem.RemoveDirectory("");
        }
        catch (StoreException failure)
        {
            // A directory that cannot be removed itself, such as a mount point, counts as removed when it is empty.
            if (failure.Error == StoreError.StoreDoesNotExist || !IsEmpty()) throw;
        }
    }

    /// <inheritdoc/>
    protected override async Task OpenCoreAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_fileSystem.GetStatus("") is not { IsDirectory: true })
            throw new StoreException(StoreError.StoreDoesNotExist);
        // Others may rely on an existing quota file, so it is kept up to date even without a limit of our own.
        if (_options.Quota is not null || _fileSystem.GetStatus(FileQuota.FileName) is not null)
            _quota = new FileQuota(_fileSystem, _root, _options.Quota);
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        await _flusher.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<QuotaInfo> GetQuotaCoreAsync(CancellationToken cancellationToken)
    {
        if (_quota is not { Limit: { } limit } quota) return default;
        return new QuotaInfo(limit, quota.GetUsed(cancellationToken));
    }

    /// <inheritdoc/>
    protected override async ValueTask DisposeCoreAsync(bool wasOpen)
    {
        if (!wasOpen) return;
        try
        {
            await _flusher.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _quota?.Dispose();
        }
    }

    /// <summary>Continues on the thread pool, so that the caller is not blocked.</summary>
    [SuppressMessage("Reliability", "CA2007", Justification = "It is configured where it is awaited.")]
    private static System.Runtime.CompilerServices.ConfiguredTaskAwaitable ToThreadPoolAsync()
        => Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

    private void MakeRoot()
    {
        if (_options.IsPrivate && !OperatingSystem.IsWindows())
            Directory.CreateDirectory(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        else Directory.CreateDirectory(_root);
    }

    // Counts the missing directories from the store's own upwards.
    private int CountMissingDirectories()
    {
        var count = 0;
        for (var path = _root; path is not null && !Directory.Exists(path); path = Path.GetDirectoryName(path)) count++;
        return count;
    }

    // The name of each new directory is recorded in the one above it.
    private void SyncRoot(int made)
    {
        if (_fileSystem.SyncsAll)
        {
            using var directory = _fileSystem.OpenRoot();
            if (directory is not null) _fileSystem.SyncAll(directory);
            return;
        }
        var above = "..";
        for (var i = 0; i < Math.Max(1, made); i++, above += "/..") _fileSystem.SyncDirectory(above);
    }

    private static StoreException AlreadyExists(string? detail)
        => new(StoreError.StoreAlreadyExists, detail);

    private bool IsEmpty()
    {
        using var contents = _fileSystem.ReadDirectory("");
        return contents is null || !HasContent(contents);
    }

    private static bool HasContent(DirectoryReader root) => root.Entries.Exists(entry => IsOfStore(entry.Name));

    private string? FindForeign(string directory, CancellationToken cancellationToken)
    {
        using var contents = _fileSystem.ReadDirectory(directory);
        foreach (var entry in contents?.Entries ?? [])
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (directory.Length == 0 && !IsOfStore(entry.Name)) continue;
            var name = Join(directory, entry.Name);
            if (ForeignContent.IsForeign(entry.Name)) return name;
            var isDirectory = entry.Kind == EntryKind.Directory || (entry.Kind == EntryKind.Unknown && contents!.GetStatus(entry) is { IsDirectory: true });
            if (isDirectory && FindForeign(name, cancellationToken) is { } below) return below;
        }
        return null;
    }

    private void RemoveContents(string directory, CancellationToken cancellationToken)
    {
        using var contents = _fileSystem.ReadDirectory(directory);
        if (contents is null)
        {
            if (directory.Length > 0) return;
            throw new StoreException(StoreError.StoreDoesNotExist);
        }
        foreach (var entry in contents.Entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (directory.Length == 0 && !IsOfStore(entry.Name)) continue;
            var name = Join(directory, entry.Name);
            // Anything but a directory is first deleted as a file; links are never followed.
            if ((entry.Kind != EntryKind.Directory && _fileSystem.Delete(name)) || entry.Kind == EntryKind.Link) continue;
            RemoveContents(name, cancellationToken);
            _fileSystem.RemoveDirectory(name);
        }
    }

    private static string Join(string directory, string name) => directory.Length > 0 ? $"{directory}/{name}" : name;

    // Longer values are written on the thread pool in chunks of this size, with a cancellation check after each.
    private const int ChunkSize = 1 << 20;

    // Smaller values are checked against the quota only after they are in the temporary file, which is early enough.
    private const int EarlyQuotaCheckThreshold = 64 * 1024;

    /// <inheritdoc/>
    protected override async ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        using var change = _flusher.BeginChange();
        _fileSystem.MakeDirectories(name, _flusher.OnCreatingDirectory);
        await _flusher.PersistNameAsync(name).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        using var change = _flusher.BeginChange();
        if (!_fileSystem.RemoveDirectory(name)) return false;
        await _flusher.PersistNameAsync(name).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    protected override async ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
    {
        return _fileSystem.GetStatus(name)?.ToItem(name, _fileSystem);
    }

    /// <inheritdoc/>
    protected override async ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        if (_fileSystem.OpenFile(name, out var status) is not { } file) return null;
        var (start, count) = range.Resolve(status.Size);
        return new FileValueStream(_fileSystem, file, name, start, count);
    }

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var change = _flusher.BeginChange();
        if (_flusher.IsSlow || value.Length > ChunkSize) await ToThreadPoolAsync();
        using var reservation = value.Length > EarlyQuotaCheckThreshold ? _quota?.Reserve(name, value.Length, cancellationToken) : null;
        using var file = TemporaryFile.Create(_fileSystem, FileSystem.DirectoryOf(name), _flusher.OnCreatingDirectory);
        if (value.IsInMemory) Write(file, value.Bytes, cancellationToken);
        else await WriteAsync(file, value, cancellationToken).ConfigureAwait(false);
        await PublishAsync(file, name, mode, reservation, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
    {
        using var change = _flusher.BeginChange();
        if (_flusher.IsSlow) await ToThreadPoolAsync();
        var wasThere = Delete(name, cancellationToken);
        await _flusher.PersistDeletedAsync(name, wasThere).ConfigureAwait(false);
        return wasThere;
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var change = _flusher.BeginChange();
        if (_flusher.IsSlow) await ToThreadPoolAsync();
        if (!Move(name, newName, mode, cancellationToken)) return false;
        await _flusher.PersistMovedAsync(name, newName).ConfigureAwait(false);
        return true;
    }

    private static void Write(TemporaryFile file, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (; bytes.Length > ChunkSize; bytes = bytes[ChunkSize..])
        {
            file.Write(bytes.Span[..ChunkSize]);
            cancellationToken.ThrowIfCancellationRequested();
        }
        file.Write(bytes.Span);
    }

    private static async ValueTask WriteAsync(TemporaryFile file, StoreValue value, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(value.Length, 1, ChunkSize));
        try
        {
            var stream = value.OpenStream();
            await using (stream.ConfigureAwait(false))
                while (file.Length < value.Length)
                {
                    var wanted = (int)Math.Min(buffer.Length, value.Length - file.Length);
                    await stream.ReadExactlyAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
                    file.Write(buffer.AsSpan(0, wanted));
                    cancellationToken.ThrowIfCancellationRequested();
                }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask PublishAsync(
        TemporaryFile file, string name, StoreMode mode, FileQuota.Reservation? reservation, CancellationToken cancellationToken)
    {
        var isSafe = await _flusher.PersistValueAsync(file.Handle, name).ConfigureAwait(false);
        file.Close();
        Publish(file, name, mode, reservation, cancellationToken);
        await _flusher.PersistStoredAsync(name, isSafe).ConfigureAwait(false);
    }

    private void Publish(
        TemporaryFile file, string name, StoreMode mode, FileQuota.Reservation? reservation, CancellationToken cancellationToken)
    {
        if (_quota is null)
        {
            file.PublishAs(name, mode, _flusher.OnCreatingDirectory);
            return;
        }
        using var change = _quota.Begin(name, file.Length, reservation, cancellationToken);
        try
        {
            file.PublishAs(name, mode, _flusher.OnCreatingDirectory);
        }
        catch (StoreException)
        {
            change.Undo();
            throw;
        }
        change.Complete();
    }

    private bool Delete(string name, CancellationToken cancellationToken)
    {
        if (_quota is null) return _fileSystem.Delete(name);
        using var change = _quota.Begin(name, 0, null, cancellationToken);
        try
        {
            if (_fileSystem.Delete(name))
            {
                change.Complete();
                return true;
            }
            change.Undo();
            return false;
        }
        catch (StoreException)
        {
            change.Undo();
            throw;
        }
    }

    private bool Move(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        if (newName.StartsWith(name + "/", StringComparison.Ordinal) && _fileSystem.GetStatus(name) is { IsDirectory: true })
            throw new StoreException(StoreError.InvalidArgument, "a directory cannot be moved into itself");
        if (_quota is null || name == newName) return Rename(name, newName, mode);
        // A move changes the total only by replacing an item, whose size is then subtracted.
        using var change = mode == StoreMode.CreateNew ? _quota.Hold(cancellationToken) : _quota.Begin(newName, 0, null, cancellationToken);
        try
        {
            if (Rename(name, newName, mode))
            {
                change.Complete();
                return true;
            }
            change.Undo();
            return false;
        }
        catch (StoreException)
        {
            change.Undo();
            throw;
        }
    }

    private bool Rename(string name, string newName, StoreMode mode)
    {
        var result = _fileSystem.Rename(name, newName, mode);
        if (result == RenameResult.Absent && _fileSystem.GetStatus(name) is { } status)
        {
            // A directory must not replace an item; the system reports that the same way as a missing directory.
            if (status.IsDirectory && _fileSystem.GetStatus(newName) is not null) throw TemporaryFile.CreateFailure(RenameResult.Taken, StoreMode.CreateNew);
            _fileSystem.MakeDirectories(FileSystem.DirectoryOf(newName), _flusher.OnCreatingDirectory);
            result = _fileSystem.Rename(name, newName, mode);
        }
        return result switch
        {
            RenameResult.Done => true,
            RenameResult.Absent => false,
            _ => throw TemporaryFile.CreateFailure(result, mode),
        };
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => new SynchronousSequence<ItemInfo>(List(directory, scope, prefix), Gate, cancellationToken);

    /// <inheritdoc/>
    protected override IAsyncEnumerable<ItemInfo> ListCoreAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => ListAsync(directory, scope, prefix, cancellationToken);

    /// <inheritdoc/>
    public override IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => new SynchronousSequence<TemporaryItem>(ListTemporary(TemporaryItem.FindLatest(olderThan)), Gate, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        // A file written to since the listing is in use, and a file behind a link is not in the store.
        return !IsBehindLink(item.Id) && _fileSystem.GetStatus(item.Id) is { IsDirectory: false } status && status.LastWriteTime <= item.LastWriteTime
            && _fileSystem.Delete(item.Id);
    }

    private bool IsBehindLink(string name)
    {
        for (var end = name.IndexOf('/'); end >= 0; end = name.IndexOf('/', end + 1))
            if (new DirectoryInfo(Path.Combine(_root, name[..end])).LinkTarget is not null) return true;
        return false;
    }

    private IEnumerable<ItemInfo> List(string directory, ListScope scope, string prefix)
    {
        var unreadable = new UnreadableDirectories();
        var levels = new Stack<(DirectoryReader Reader, string Path, int Next)>();
        try
        {
            levels.Push((OpenListing(directory, scope, prefix, unreadable: null) ?? throw NoDirectory(directory), "", 0));
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
                if (scope != ListScope.Tree || entry.Kind != EntryKind.Directory)
                {
                    if (!TryGetStatus(level.Reader, entry, directory, path, unreadable, out var found) && scope != ListScope.Tree)
                    {
                        // Listing it as a directory will then fail with the reason.
                        yield return new ItemInfo(path, 0, IsDirectory: true);
                        continue;
                    }
                    if (found is not { } status) continue;
                    if (scope != ListScope.Tree || !status.IsDirectory)
                    {
                        yield return status.ToItem(path, _fileSystem);
                        continue;
                    }
                }
                // No item's path is that long; this also stops at links that form a cycle.
                if (path.Length < ItemName.MaxLength && OpenListing(Join(directory, path), scope, "", unreadable) is { } below)
                    levels.Push((below, path, 0));
            }
            if (scope == ListScope.Tree && unreadable.Failure is { } failure) throw failure;
        }
        finally
        {
            foreach (var (reader, _, _) in levels) reader.Dispose();
        }
    }

    private DirectoryReader? OpenListing(string directory, ListScope scope, string prefix, UnreadableDirectories? unreadable)
    {
        if (OpenListingOfAll(directory, unreadable) is not { } reader) return null;
        reader.Entries.RemoveAll(entry
            => !entry.Name.StartsWith(prefix, StringComparison.Ordinal) || (scope != ListScope.RawLevel && !ItemName.IsListable(entry.Name))
                || (_options.IsPrivate && entry.Kind == EntryKind.Link));
        reader.Entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return reader;
    }

    // Returns null if there is no such directory, or if it was noted as unreadable.
    private DirectoryReader? OpenListingOfAll(string directory, UnreadableDirectories? unreadable)
    {
        try
        {
            return _fileSystem.ReadDirectory(directory);
        }
        catch (StoreException failure) when (unreadable?.TryAdd(directory, failure) == true)
        {
            return null;
        }
    }

    // Returns true without a status if the entry no longer exists; false if it was noted as unreadable.
    private static bool TryGetStatus(
        DirectoryReader reader, DirectoryEntry entry, string directory, string path, UnreadableDirectories unreadable, out FileStatus? status)
    {
        status = null;
        try
        {
            status = reader.GetStatus(entry);
            return true;
        }
        catch (StoreException failure) when (unreadable.TryAdd(Join(directory, path), failure))
        {
            return false;
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
                // The store has no files in there.
                if (!ItemName.IsListable(entry.Name)) continue;
                using var below = OpenListingOfAll(path, unreadable);
                foreach (var item in ListTemporary(below, path, newest, unreadable)) yield return item;
            }
            else if (isTemporary && status is { } file && file.LastWriteTime <= newest)
                yield return new TemporaryItem(path, file.Size, file.LastWriteTime);
        }
    }

    private static StoreException NoDirectory(string directory)
        => new(StoreError.ObjectNotFound, name: directory);
}
