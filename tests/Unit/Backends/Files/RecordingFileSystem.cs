using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Tests.Backends.Files;

/// <summary>Records the calls that matter to durability, and fails syncs on request.</summary>
internal sealed class RecordingFileSystem(FileSystem inner) : DelegatingFileSystem(inner)
{
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>How often the status of a directory's entry was looked up.</summary>
    public int Looks => _looks;

    public bool FailSync { get; set; }

    /// <summary>The minimum time of a sync, because a disk in memory is too fast for writers to share one.</summary>
    public TimeSpan SyncTime { get; set; }

    /// <summary>Called during each sync.</summary>
    public Action<string>? Syncing { get; set; }

    /// <summary>Overrides whether a sync of the whole file system is trusted, because tests may run on an overlay.</summary>
    public bool? IsSyncedAsAWhole { get; set; }

    private int _looks;

    public override bool SyncsAll => IsSyncedAsAWhole ?? Inner.SyncsAll;

    public override SafeFileHandle? OpenRoot()
    {
        Calls.Enqueue("open root");
        return Inner.OpenRoot();
    }

    public override RenameResult Rename(string name, string newName, StoreMode mode)
    {
        var result = Inner.Rename(name, newName, mode);
        if (result == RenameResult.Done) Calls.Enqueue($"rename {newName}");
        return result;
    }

    public override bool Delete(string name)
    {
        Calls.Enqueue($"delete {name}");
        return Inner.Delete(name);
    }

    public override MakeDirectoryResult MakeDirectory(string name)
    {
        var result = Inner.MakeDirectory(name);
        if (result == MakeDirectoryResult.Done) Calls.Enqueue($"mkdir {name}");
        return result;
    }

    public override DirectoryReader? ReadDirectory(string name)
    {
        Calls.Enqueue($"list {name}");
        return Inner.ReadDirectory(name) is { } directory ? new RecordingDirectory(this, directory) : null;
    }

    public override void Sync(SafeFileHandle file)
    {
        Note("sync file");
        Inner.Sync(file);
    }

    public override void SyncDirectory(string name)
    {
        Note($"sync directory {name}");
        Inner.SyncDirectory(name);
    }

    public override void SyncAll(SafeFileHandle root)
    {
        Note("sync all");
        Inner.SyncAll(root);
    }

    public override void SyncNamed(string name)
    {
        Note($"sync name {name}");
        Inner.SyncNamed(name);
    }

    private void Note(string call)
    {
        Calls.Enqueue(call);
        if (SyncTime > TimeSpan.Zero) Thread.Sleep(SyncTime);
        Syncing?.Invoke(call);
        if (FailSync) throw new StoreException(StoreError.BackendFailure, "input/output error");
    }

    private sealed class RecordingDirectory : DirectoryReader
    {
        private readonly RecordingFileSystem _fileSystem;
        private readonly DirectoryReader _inner;

        public RecordingDirectory(RecordingFileSystem fileSystem, DirectoryReader inner)
        {
            (_fileSystem, _inner) = (fileSystem, inner);
            Entries.AddRange(inner.Entries);
        }

        public override FileStatus? GetStatus(DirectoryEntry entry)
        {
            Interlocked.Increment(ref _fileSystem._looks);
            return _inner.GetStatus(entry);
        }

        public override void Dispose() => _inner.Dispose();
    }
}
