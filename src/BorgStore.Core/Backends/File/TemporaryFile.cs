using System.Globalization;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A value that is being written. It is invisible until it is published, and deleted if that does not happen.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly FileCalls _calls;
    private readonly string _directory;
    private readonly string _temporaryName;
    private SafeFileHandle? _file;
    private bool _isPublished;

    private TemporaryFile(FileCalls calls, string directory, string temporaryName, SafeFileHandle file)
        => (_calls, _directory, _temporaryName, _file) = (calls, directory, temporaryName, file);

    public long Length { get; private set; }

    public SafeFileHandle Handle => _file!;

    /// <summary>Creates the file in the directory of the future value, so that publishing it is a single rename.</summary>
    /// <param name="calls">The file system.</param>
    /// <param name="directory">The directory; it is rarely missing, so it is created only after a failure.</param>
    /// <param name="directoryMaking">Called with each directory before it is created.</param>
    public static TemporaryFile Create(FileCalls calls, string directory, Action<string>? directoryMaking)
    {
        // 64 random bits make a collision practically impossible.
        var random = Random.Shared.NextInt64();
        var name = string.Create(CultureInfo.InvariantCulture,
            $"{directory}{(directory.Length > 0 ? "/" : "")}{random:x16}{Suffixes.Temporary}");
        var file = calls.CreateFile(name);
        if (file is null)
        {
            calls.MakeDirectories(directory, directoryMaking);
            file = calls.CreateFile(name) ?? throw new StoreException(StoreError.BackendFailure, "its directory was removed by another process");
        }
        return new TemporaryFile(calls, directory, name, file);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        _calls.Write(Handle, bytes, Length);
        Length += bytes.Length;
    }

    /// <summary>Copies inside the file system if that is possible.</summary>
    /// <returns>The number of bytes copied; 0 if it is not possible.</returns>
    public long CopyFrom(SafeFileHandle source, long offset, long count)
    {
        var copied = _calls.Copy(source, offset, Handle, Length, count);
        Length += copied;
        return copied;
    }

    /// <summary>Closes the file, so that all write errors are reported before it gets its name.</summary>
    public void Close()
    {
        if (_file is not { } file) return;
        _file = null;
        _calls.Close(file);
    }

    /// <summary>Renames the file to the value's name.</summary>
    public void PublishAs(string name, StoreMode mode, Action<string>? directoryMaking)
    {
        var result = _calls.Rename(_temporaryName, name, mode);
        if (result == RenameResult.Absent && FileCalls.DirectoryOf(name) is var directory && directory != _directory)
        {
            _calls.MakeDirectories(directory, directoryMaking);
            result = _calls.Rename(_temporaryName, name, mode);
        }
        _isPublished = result == RenameResult.Done;
        if (!_isPublished) throw Refusal(result, mode);
    }

    public void Dispose()
    {
        _file?.Dispose();
        if (_isPublished) return;
        try
        {
            _calls.Delete(_temporaryName);
        }
        catch (StoreException)
        {
            // The caller must see the original failure.
        }
    }

    /// <summary>Returns the failure for a file that could not get its name.</summary>
    public static StoreException Refusal(RenameResult result, StoreMode mode) => result == RenameResult.Taken
        ? new StoreException(StoreError.ObjectAlreadyExists, mode == StoreMode.CreateNew
            ? "it already exists and was not replaced"
            : "a directory with that name exists")
        : new StoreException(StoreError.BackendFailure, "its temporary file was removed by another process");
}
