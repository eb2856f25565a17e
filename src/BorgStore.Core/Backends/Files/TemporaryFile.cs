using System.Globalization;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A value that is being written. It is invisible until it is published, and deleted if that does not happen.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly FileSystem _fileSystem;
    private readonly string _directory;
    private readonly string _temporaryName;
    private SafeFileHandle? _file;
    private bool _isPublished;

    private TemporaryFile(FileSystem fileSystem, string directory, string temporaryName, SafeFileHandle file)
        => (_fileSystem, _directory, _temporaryName, _file) = (fileSystem, directory, temporaryName, file);

    public long Length { get; private set; }

    public SafeFileHandle Handle => _file!;

    /// <summary>Creates the file in the directory of the future value, so that publishing it is a single rename.</summary>
    /// <param name="fileSystem">The file system.</param>
    /// <param name="directory">The directory; it is rarely missing, so it is created only after a failure.</param>
    /// <param name="onCreatingDirectory">Called with each directory before it is created.</param>
    public static TemporaryFile Create(FileSystem fileSystem, string directory, Action<string>? onCreatingDirectory)
    {
        // 64 random bits make a collision practically impossible.
        var random = Random.Shared.NextInt64();
        var name = string.Create(CultureInfo.InvariantCulture,
            $"{directory}{(directory.Length > 0 ? "/" : "")}{random:x16}{Suffixes.Temporary}");
        var file = fileSystem.CreateFile(name);
        if (file is null)
        {
            fileSystem.MakeDirectories(directory, onCreatingDirectory);
            file = fileSystem.CreateFile(name) ?? throw new StoreException(StoreError.BackendFailure, "its directory was removed by another process");
        }
        return new TemporaryFile(fileSystem, directory, name, file);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        _fileSystem.Write(Handle, bytes, Length);
        Length += bytes.Length;
    }

    /// <summary>Copies inside the file system if that is possible.</summary>
    /// <returns>The number of bytes copied; 0 if it is not possible.</returns>
    public long CopyFrom(SafeFileHandle source, long offset, long count)
    {
        var copied = _fileSystem.Copy(source, offset, Handle, Length, count);
        Length += copied;
        return copied;
    }

    /// <summary>Closes the file, so that all write errors are reported before it gets its name.</summary>
    public void Close()
    {
        if (_file is not { } file) return;
        _file = null;
        _fileSystem.Close(file);
    }

    /// <summary>Renames the file to the value's name.</summary>
    public void PublishAs(string name, StoreMode mode, Action<string>? onCreatingDirectory)
    {
        var result = _fileSystem.Rename(_temporaryName, name, mode);
        if (result == RenameResult.Absent && FileSystem.DirectoryOf(name) is var directory && directory != _directory)
        {
            _fileSystem.MakeDirectories(directory, onCreatingDirectory);
            result = _fileSystem.Rename(_temporaryName, name, mode);
        }
        _isPublished = result == RenameResult.Done;
        if (!_isPublished) throw CreateFailure(result, mode);
    }

    public void Dispose()
    {
        _file?.Dispose();
        if (_isPublished) return;
        try
        {
            _fileSystem.Delete(_temporaryName);
        }
        catch (StoreException)
        {
            // The caller must see the original failure.
        }
    }

    /// <summary>Returns the failure for a file that could not get its name.</summary>
    public static StoreException CreateFailure(RenameResult result, StoreMode mode) => result == RenameResult.Taken
        ? new StoreException(StoreError.ObjectAlreadyExists, mode == StoreMode.CreateNew
            ? "it already exists and was not replaced"
            : "a directory with that name exists")
        : new StoreException(StoreError.BackendFailure, "its temporary file was removed by another process");
}
