using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>How a renaming ended.</summary>
internal enum RenameResult
{
    Done,

    /// <summary>There is no such file, or no such directory to move it to.</summary>
    Absent,

    /// <summary>The new name is taken, by something that was not to be or cannot be replaced.</summary>
    Taken,
}

/// <summary>How the making of a directory ended.</summary>
internal enum MakeDirectoryResult
{
    Done,

    /// <summary>There is something of that name.</summary>
    Taken,

    /// <summary>There is no parent directory.</summary>
    ParentAbsent,
}

/// <summary>The calls on the file system that a store is made of. Names are relative to its directory, with <c>/</c>.</summary>
/// <remarks>All calls block, may come from many threads, tell absence by their result and throw <see cref="FileFailure"/> for
/// all else. On Linux they are those of the system; the framework's own would make more than twice as many.</remarks>
internal abstract class FileCalls
{
    /// <summary>The calls that fit this platform best.</summary>
    /// <param name="root">The absolute path of the store, without a slash at its end.</param>
    public static FileCalls For(string root) => LinuxCalls.IsSupported ? new LinuxCalls(root) : new PortableCalls(root);

    /// <summary>Whether one call brings the whole file system to the disk, and reports what could not be written.</summary>
    public abstract bool SyncsAll { get; }

    public abstract FileStatus? GetStatus(string name);

    /// <summary>Opens a regular file; anything else is absent.</summary>
    public abstract SafeFileHandle? OpenFile(string name, out FileStatus status);

    /// <summary>Opens a file without a look at what it is: what is no regular file fails when it is read.</summary>
    public virtual SafeFileHandle? OpenFile(string name) => OpenFile(name, out _);

    /// <summary>Opens a file of the store's own, such as the number of its quota, which others may have replaced by a link: a link
    /// is absent.</summary>
    public abstract SafeFileHandle? OpenInternal(string name);

    /// <summary>Makes a new file that only its owner may read and write.</summary>
    /// <returns>The file, or <see langword="null"/> where its directory is missing.</returns>
    public abstract SafeFileHandle? CreateFile(string name);

    /// <summary>Opens the store's directory for <see cref="SyncAll"/>.</summary>
    public abstract SafeFileHandle? OpenRoot();

    /// <returns>How many bytes were read; 0 at the end of the file.</returns>
    public abstract int Read(SafeFileHandle file, Span<byte> buffer, long offset);

    public abstract void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset);

    public abstract void SetLength(SafeFileHandle file, long length);

    /// <summary>Copies within the file system, without the bytes coming here.</summary>
    /// <returns>How many bytes were copied; 0 where that cannot be done.</returns>
    public abstract long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count);

    /// <summary>Closes a file that was written. Some file systems tell only now that it did not fit.</summary>
    public abstract void Close(SafeFileHandle file);

    public abstract RenameResult Rename(string name, string newName, StoreMode mode);

    /// <returns>Whether it was there. A directory is absent.</returns>
    public abstract bool Delete(string name);

    public abstract MakeDirectoryResult MakeDirectory(string name);

    /// <returns>Whether it was there. One with something in it fails with <see cref="StoreError.InvalidArgument"/>.</returns>
    public abstract bool RemoveDirectory(string name);

    /// <returns>The directory, or <see langword="null"/> if it does not exist or no directory.</returns>
    public abstract DirectoryReader? ReadDirectory(string name);

    /// <summary>Brings a file to the disk.</summary>
    public abstract void Sync(SafeFileHandle file);

    /// <summary>Brings the names in a directory to the disk, where the platform can.</summary>
    public abstract void SyncDirectory(string name);

    /// <summary>Brings all of the file system to the disk, where <see cref="SyncsAll"/>.</summary>
    public abstract void SyncAll(SafeFileHandle root);

    /// <summary>Brings a file or directory to the disk together with its name, where not <see cref="SyncsAll"/> and the platform
    /// can. What is not there any more is passed over.</summary>
    public abstract void SyncNamed(string name);

    public abstract FileLock CreateLock(string name);

    /// <summary>Returns the failure to remove a directory that has something in it.</summary>
    protected static FileFailure DirectoryNotEmpty() => new(StoreError.InvalidArgument, "it is not empty");

    /// <summary>The directory part of a name; empty for the store's own.</summary>
    public static string DirectoryOf(string name) => name.LastIndexOf('/') is > 0 and var slash ? name[..slash] : "";

    /// <summary>Makes a directory with its parents.</summary>
    /// <param name="name">The directory.</param>
    /// <param name="making">Called with each that is missing, before it is made.</param>
    public void MakeDirectories(string name, Action<string>? making = null)
    {
        if (name.Length == 0)
        {
            if (GetStatus("") is { IsDirectory: true }) return;
            throw new FileFailure(StoreError.StoreDoesNotExist, "the directory of the store is gone");
        }
        making?.Invoke(name);
        switch (MakeDirectory(name))
        {
            case MakeDirectoryResult.Done:
                return;
            case MakeDirectoryResult.ParentAbsent:
                MakeDirectories(DirectoryOf(name), making);
                MakeDirectory(name);
                break;
        }
        if (GetStatus(name) is not { IsDirectory: true })
            throw new FileFailure(StoreError.ObjectAlreadyExists, ItemAbove.Describe(name));
    }
}
