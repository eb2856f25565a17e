using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;
using BorgStore.Backends.Shared;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>The result of renaming a file.</summary>
internal enum RenameResult
{
    Done,

    /// <summary>The file or the target directory does not exist.</summary>
    Absent,

    /// <summary>The new name is taken by something that must not or cannot be replaced.</summary>
    Taken,
}

/// <summary>The result of creating a directory.</summary>
internal enum MakeDirectoryResult
{
    Done,

    /// <summary>The name is taken.</summary>
    Taken,

    /// <summary>The parent directory does not exist.</summary>
    ParentAbsent,
}

/// <summary>The file system calls of a store. Names are relative to its directory, with <c>/</c>.</summary>
/// <remarks>All calls block, may be made from many threads, report absence by their result and throw <see cref="StoreException"/> for
/// all other failures. On Linux they are direct system calls; the framework's methods would make more than twice as many.</remarks>
internal abstract class FileSystem
{
    /// <summary>Creates the calls that suit this platform best.</summary>
    /// <param name="root">The absolute path of the store, without a trailing slash.</param>
    public static FileSystem For(string root) => LinuxFileSystem.IsSupported ? new LinuxFileSystem(root) : new PortableFileSystem(root);

    /// <summary>Whether one call writes the whole file system to disk and reports write failures.</summary>
    public abstract bool SyncsAll { get; }

    /// <summary>Whether the change time of a file is never before its last renaming, such as its soft deletion.</summary>
    public virtual bool DatesRenames => false;

    public abstract FileStatus? GetStatus(string name);

    /// <summary>Opens a regular file; anything else is treated as absent.</summary>
    public abstract SafeFileHandle? OpenFile(string name, out FileStatus status);

    /// <summary>Opens a file without checking its type; reading fails if it is not a regular file.</summary>
    public virtual SafeFileHandle? OpenFile(string name) => OpenFile(name, out _);

    /// <summary>Opens an internal file of the store, such as its quota. Others may
    /// have replaced it with a link, so a link is treated as absent.</summary>
    public abstract SafeFileHandle? OpenInternal(string name);

    /// <summary>Creates a new file that only its owner may read and write.</summary>
    /// <returns>The file, or <see langword="null"/> if its directory does not exist.</returns>
    public abstract SafeFileHandle? CreateFile(string name);

    /// <summary>Opens the store's directory for <see cref="SyncAll"/>.</summary>
    public abstract SafeFileHandle? OpenRoot();

    /// <returns>The number of bytes read; 0 at the end of the file.</returns>
    public abstract int Read(SafeFileHandle file, Span<byte> buffer, long offset);

    public abstract void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset);

    public abstract void SetLength(SafeFileHandle file, long length);

    /// <summary>Copies inside the file system, without reading the bytes into this process.</summary>
    /// <returns>The number of bytes copied; 0 if the file system cannot do that.</returns>
    public abstract long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count);

    /// <summary>Closes a file after writing. Some file systems only report now that it did not fit.</summary>
    public abstract void Close(SafeFileHandle file);

    public abstract RenameResult Rename(string name, string newName, StoreMode mode);

    /// <returns>Whether it existed. A directory is treated as absent.</returns>
    public abstract bool Delete(string name);

    public abstract MakeDirectoryResult MakeDirectory(string name);

    /// <returns>Whether it existed. A directory that is not empty fails with <see cref="StoreError.InvalidArgument"/>.</returns>
    public abstract bool RemoveDirectory(string name);

    /// <returns>The directory, or <see langword="null"/> if it does not exist or is not a directory.</returns>
    public abstract DirectoryReader? ReadDirectory(string name);

    /// <summary>Writes a file to disk.</summary>
    public abstract void Sync(SafeFileHandle file);

    /// <summary>Writes the names in a directory to disk, if the platform can.</summary>
    public abstract void SyncDirectory(string name);

    /// <summary>Writes the whole file system to disk, if <see cref="SyncsAll"/>.</summary>
    public abstract void SyncAll(SafeFileHandle root);

    /// <summary>Writes a file or directory to disk together with its name, if the platform can
    /// and <see cref="SyncsAll"/> is false. A name that no longer exists is ignored.</summary>
    public abstract void SyncNamed(string name);

    public abstract FileLock CreateLock(string name);

    /// <summary>Returns the exception for a failed call.</summary>
    /// <param name="error">The kind of error.</param>
    /// <param name="reason">The reason, as the end of a sentence; without any path.</param>
    public static StoreException Failure(StoreError error, string reason) => new(error, error == StoreError.PermissionDenied
        ? $"{reason}. Check who owns the files of the store and how its file system is mounted" : reason);

    /// <summary>Returns the failure to remove a directory that has something in it.</summary>
    protected static StoreException DirectoryNotEmpty() => new(StoreError.InvalidArgument, "it is not empty");

    /// <summary>Returns the directory part of a name; empty for the store's own directory.</summary>
    public static string DirectoryOf(string name) => name.LastIndexOf('/') is > 0 and var slash ? name[..slash] : "";

    /// <summary>Creates a directory and its parents.</summary>
    /// <param name="name">The directory.</param>
    /// <param name="onCreating">Called with each missing directory before it is created.</param>
    public void MakeDirectories(string name, Action<string>? onCreating = null)
    {
        if (name.Length == 0)
        {
            if (GetStatus("") is { IsDirectory: true }) return;
            throw new StoreException(StoreError.StoreDoesNotExist);
        }
        onCreating?.Invoke(name);
        switch (MakeDirectory(name))
        {
            case MakeDirectoryResult.Done:
                return;
            case MakeDirectoryResult.ParentAbsent:
                MakeDirectories(DirectoryOf(name), onCreating);
                MakeDirectory(name);
                break;
        }
        if (GetStatus(name) is not { IsDirectory: true })
            throw new StoreException(StoreError.ObjectAlreadyExists, AncestorItem.Describe(name));
    }
}

/// <summary>The status of a file or directory.</summary>
/// <param name="Size">The size of a file [bytes].</param>
/// <param name="IsDirectory">Whether it is a directory.</param>
/// <param name="LastAccessTime">When it was last read (UTC).</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
/// <param name="ChangeTime">When it was last written to, renamed or changed otherwise (UTC); <see langword="default"/> if unknown.</param>
internal readonly record struct FileStatus(long Size, bool IsDirectory, DateTime LastAccessTime, DateTime LastWriteTime, DateTime ChangeTime = default)
{
    /// <summary>Returns the information about an item.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fileSystem">The file system.</param>
    public ItemInfo ToItem(string name, FileSystem fileSystem) => new(name, IsDirectory ? 0 : Size, IsDirectory, LastAccessTime, LastWriteTime,
        Suffixes.IsDeleted(name) && !IsDirectory && ChangeTime != default && fileSystem.DatesRenames ? ChangeTime : null);
}

/// <summary>A file that is locked while it is read and written. It excludes other processes, but not other threads of this one.</summary>
internal abstract class FileLock : IDisposable
{
    /// <summary>Waits for the lock; creates the file if it does not exist.</summary>
    /// <returns>The file that currently has the name, open for reading and writing until the lock is released.</returns>
    public abstract SafeFileHandle Acquire();

    public abstract void Release();

    public abstract void Dispose();
}
