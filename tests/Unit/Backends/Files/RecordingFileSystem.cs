using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Tests.Backends.Files;

/// <summary>Records the calls that matter to durability, and fails syncs on request.</summary>
internal sealed class RecordingFileSystem(FileSystem inner) : FileSystem
{
    public ConcurrentQueue<string> Calls { get; } = new();

    public bool FailSync { get; set; }

    /// <summary>The minimum time of a sync, because a disk in memory is too fast for writers to share one.</summary>
    public TimeSpan SyncTime { get; set; }

    /// <summary>Called during each sync.</summary>
    public Action<string>? Syncing { get; set; }

    /// <summary>Overrides whether a sync of the whole file system is trusted, because tests may run on an overlay.</summary>
    public bool? IsSyncedAsAWhole { get; set; }

    public override bool SyncsAll => IsSyncedAsAWhole ?? inner.SyncsAll;

    public override FileStatus? GetStatus(string name) => inner.GetStatus(name);

    public override SafeFileHandle? OpenFile(string name, out FileStatus status) => inner.OpenFile(name, out status);

    public override SafeFileHandle? OpenInternal(string name) => inner.OpenInternal(name);

    public override SafeFileHandle? CreateFile(string name) => inner.CreateFile(name);

    public override SafeFileHandle? OpenRoot()
    {
        Calls.Enqueue("open root");
        return inner.OpenRoot();
    }

    public override int Read(SafeFileHandle file, Span<byte> buffer, long offset) => inner.Read(file, buffer, offset);

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => inner.Write(file, bytes, offset);

    public override void SetLength(SafeFileHandle file, long length) => inner.SetLength(file, length);

    public override long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count)
        => inner.Copy(source, offset, target, targetOffset, count);

    public override void Close(SafeFileHandle file) => inner.Close(file);

    public override RenameResult Rename(string name, string newName, StoreMode mode)
    {
        var result = inner.Rename(name, newName, mode);
        if (result == RenameResult.Done) Calls.Enqueue($"rename {newName}");
        return result;
    }

    public override bool Delete(string name)
    {
        Calls.Enqueue($"delete {name}");
        return inner.Delete(name);
    }

    public override MakeDirectoryResult MakeDirectory(string name)
    {
        var result = inner.MakeDirectory(name);
        if (result == MakeDirectoryResult.Done) Calls.Enqueue($"mkdir {name}");
        return result;
    }

    public override bool RemoveDirectory(string name) => inner.RemoveDirectory(name);

    public override DirectoryReader? ReadDirectory(string name)
    {
        Calls.Enqueue($"list {name}");
        return inner.ReadDirectory(name);
    }

    public override void Sync(SafeFileHandle file)
    {
        Note("sync file");
        inner.Sync(file);
    }

    public override void SyncDirectory(string name)
    {
        Note($"sync directory {name}");
        inner.SyncDirectory(name);
    }

    public override void SyncAll(SafeFileHandle root)
    {
        Note("sync all");
        inner.SyncAll(root);
    }

    public override void SyncNamed(string name)
    {
        Note($"sync name {name}");
        inner.SyncNamed(name);
    }

    public override FileLock CreateLock(string name) => inner.CreateLock(name);

    private void Note(string call)
    {
        Calls.Enqueue(call);
        if (SyncTime > TimeSpan.Zero) Thread.Sleep(SyncTime);
        Syncing?.Invoke(call);
        if (FailSync) throw new StoreException(StoreError.BackendFailure, "input/output error");
    }
}
