using System.Diagnostics.CodeAnalysis;

namespace BorgStore.Backends.Files;

/// <summary>A store in a directory of a file system.</summary>
/// <remarks>
/// <para>A value is the file of its nested name. It is written under another name in the same directory and then renamed, so that
/// it is there as a whole or not at all. The layout is that of the Python package.</para>
/// <para>Whatever is short is done at once, on the caller's thread; the methods are asynchronous nevertheless, so that a failure
/// reaches the caller in one way. Hashing, defragmentation and large values go to the thread pool.</para>
/// </remarks>
internal sealed partial class FileBackend : IBackend
{
    private readonly string _root;
    private readonly BackendOptions _options;
    private readonly FileCalls _calls;
    private readonly FileFlusher _flusher;
    private readonly OpenGate _gate = new();
    private FileQuota? _quota;

    /// <summary>Names a store; nothing is looked at yet.</summary>
    /// <param name="path">The absolute path of its directory.</param>
    /// <param name="options">What else is to be known; its <see cref="BackendOptions.Permissions"/> are another class's concern.</param>
    public FileBackend(string path, BackendOptions? options = null)
        : this(path, options, FileCalls.For)
    {
    }

    internal FileBackend(string path, BackendOptions? options, Func<string, FileCalls> callsFor)
    {
        if (!Path.IsPathFullyQualified(path))
            throw new StoreException(StoreError.InvalidArgument, "The path of a store must be absolute.");
        _root = Path.TrimEndingDirectorySeparator(path);
        _options = options ?? new BackendOptions();
        if (_options.Quota < 0) throw new StoreException(StoreError.InvalidArgument, "A quota cannot be negative.");
        _calls = _options.IsPrivate ? new PrivateCalls(callsFor(_root), _root) : callsFor(_root);
        _flusher = new FileFlusher(_calls, _options.Durability, _options.Warning);
    }

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            if (File.Exists(_root)) throw AlreadyExists("it is a file");
            var missing = CountMissingDirectories();
            Failures.Named(MakeRoot);
            using (var contents = _calls.ReadDirectory(""))
                if (contents is not { Entries.Count: 0 }) throw AlreadyExists(null);
            if (_options.Durability != Durability.None) SyncRoot(missing);
        }
        catch (FileFailure failure)
        {
            throw failure.While("create", "");
        }
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        await ToThreadPoolAsync();
        try
        {
            if (FindForeign("", cancellationToken) is { } foreign) throw ForeignContent.Refuse(new Uri(_root).AbsoluteUri, foreign);
            RemoveContents("", cancellationToken);
            _calls.RemoveDirectory("");
        }
        catch (FileFailure failure)
        {
            // A directory that may not be removed itself, such as a mounted one, is as good as none when it is empty.
            if (failure.Error == StoreError.StoreDoesNotExist || !IsEmpty()) throw failure.While("destroy", "");
        }
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            if (_calls.GetStatus("") is not { IsDirectory: true })
                throw StoreException.While(StoreError.StoreDoesNotExist, "open the store", name: null);
            // A number that others need is kept right also by those who have no limit themselves.
            if (_options.Quota is not null || _calls.GetStatus(FileQuota.FileName) is not null)
                _quota = new FileQuota(_calls, _root, _options.Quota);
            _gate.Open();
        }
        catch (FileFailure failure)
        {
            throw failure.While("open", "");
        }
    }

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        await _flusher.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        if (_quota is not { Limit: { } limit } quota) return default;
        try
        {
            return new QuotaInfo(limit, quota.GetUsed(cancellationToken));
        }
        catch (FileFailure failure)
        {
            throw failure.While("read the quota of", "");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!await _gate.CloseAsync().ConfigureAwait(false)) return;
        try
        {
            await _flusher.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _quota?.Dispose();
        }
    }

    /// <summary>What follows runs on the thread pool, so that the caller is not kept waiting.</summary>
    [SuppressMessage("Reliability", "CA2007", Justification = "It is configured where it is awaited.")]
    private static System.Runtime.CompilerServices.ConfiguredTaskAwaitable ToThreadPoolAsync()
        => Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

    private void CheckNotOpen()
    {
        if (_gate.IsOpen) throw new StoreException(StoreError.StoreIsOpen, "The store is open; close it first.");
    }

    private void MakeRoot()
    {
        if (_options.IsPrivate && !OperatingSystem.IsWindows())
            Directory.CreateDirectory(_root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        else Directory.CreateDirectory(_root);
    }

    // The store's own directory and those above it.
    private int CountMissingDirectories()
    {
        var count = 0;
        for (var path = _root; path is not null && !Directory.Exists(path); path = Path.GetDirectoryName(path)) count++;
        return count;
    }

    // The name of each new directory is in the one above it.
    private void SyncRoot(int made)
    {
        if (_calls.SyncsAll)
        {
            using var directory = _calls.OpenRoot();
            if (directory is not null) _calls.SyncAll(directory);
            return;
        }
        var above = "..";
        for (var i = 0; i < Math.Max(1, made); i++, above += "/..") _calls.SyncDirectory(above);
    }

    private static StoreException AlreadyExists(string? detail)
        => StoreException.While(StoreError.StoreAlreadyExists, "create the store", name: null, detail);

    private bool IsEmpty()
    {
        using var contents = _calls.ReadDirectory("");
        return contents is not { Entries.Count: > 0 };
    }

    private string? FindForeign(string directory, CancellationToken cancellationToken)
    {
        using var contents = _calls.ReadDirectory(directory);
        foreach (var entry in contents?.Entries ?? [])
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = Join(directory, entry.Name);
            if (ForeignContent.IsIn(entry.Name)) return name;
            var isDirectory = entry.Kind == EntryKind.Directory || (entry.Kind == EntryKind.Unknown && contents!.GetStatus(entry) is { IsDirectory: true });
            if (isDirectory && FindForeign(name, cancellationToken) is { } below) return below;
        }
        return null;
    }

    private void RemoveContents(string directory, CancellationToken cancellationToken)
    {
        using var contents = _calls.ReadDirectory(directory);
        if (contents is null)
        {
            if (directory.Length > 0) return;
            throw new FileFailure(StoreError.StoreDoesNotExist, "there is none at that place");
        }
        foreach (var entry in contents.Entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = Join(directory, entry.Name);
            // What is no directory is tried as a file first, and a link is never followed.
            if ((entry.Kind != EntryKind.Directory && _calls.Delete(name)) || entry.Kind == EntryKind.Link) continue;
            RemoveContents(name, cancellationToken);
            _calls.RemoveDirectory(name);
        }
    }

    private static string Join(string directory, string name) => directory.Length > 0 ? $"{directory}/{name}" : name;
}
