using System.Diagnostics.CodeAnalysis;
using BorgStore.Backends.Files;

namespace BorgStore.Server.Observability;

/// <summary>A file of whole lines that several processes may append to. When it would become too large, it is renamed to <c>FILE.1</c>, an
/// earlier one to <c>FILE.2</c> and so on.</summary>
/// <remarks>Every addition goes to the file that has the name then, so another program may rename it as well. Additions take turns by a lock on
/// <c>FILE.lock</c>.</remarks>
internal sealed class LogFile : IDisposable
{
    private readonly Lock _turn = new();
    private readonly string _path;
    private readonly long _maxSize;
    private readonly int _keep;
    private readonly FileSystem _directory;
    private readonly FileLock _lock;

    // The file as the last addition left it. Since then others may have added to it, renamed it, or put another one in its place.
    private FileStream? _file;
    private long _end;

    /// <summary>Prepares a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="maxSize">The size at which a new one is begun [bytes]; 0 for never.</param>
    /// <param name="keep">The number of earlier files to keep.</param>
    public LogFile(string path, long maxSize, int keep)
    {
        _path = Path.GetFullPath(path);
        (_maxSize, _keep) = (maxSize, keep);
        _directory = FileSystem.For(Path.GetDirectoryName(_path)!);
        _lock = _directory.CreateLock(Path.GetFileName(_path) + ".lock");
    }

    /// <summary>Appends lines, all or none of them.</summary>
    /// <param name="lines">The lines, each with its end.</param>
    /// <param name="flushToDisk">Whether to return only when they are safe from a power failure.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Append(ReadOnlySpan<byte> lines, bool flushToDisk = false)
    {
        lock (_turn)
        {
            try
            {
                _lock.Acquire();
                AppendLocked(lines, flushToDisk);
            }
            catch (Exception e) when (e is StoreException or UnauthorizedAccessException)
            {
                throw new IOException(e.Message, e);
            }
            finally
            {
                _lock.Release();
            }
        }
    }

    public void Dispose()
    {
        lock (_turn)
        {
            Close();
            _lock.Dispose();
        }
    }

    private void AppendLocked(ReadOnlySpan<byte> lines, bool flushToDisk)
    {
        OpenCurrent();
        if (_maxSize > 0 && _end > 0 && _end + lines.Length > _maxSize)
        {
            Close();
            Rotate();
            OpenCurrent();
        }
        try
        {
            _file.Write(lines);
            _file.Flush(flushToDisk);
            _end += lines.Length;
        }
        catch (IOException)
        {
            // No part of a line stays on a full disk.
            _file.SetLength(_end);
            Close();
            throw;
        }
    }

    // An empty file is too much like any other one. One that was renamed may have grown under its new name, while another of its former size took its place.
    [MemberNotNull(nameof(_file))]
    private void OpenCurrent()
    {
        if (_file is not null && _end > 0 && _file.Length == _end && _directory.GetStatus(Path.GetFileName(_path)) is { Size: var size } && size == _end) return;
        Close();
        _file = Open();
        _end = _file.Length;
        // A crash of the system may have cut off the last line.
        if (_end == 0 || EndsWithLine(_file, _end)) return;
        _file.WriteByte((byte)'\n');
        _end++;
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    // Leaves the position at the end.
    private static bool EndsWithLine(FileStream file, long end)
    {
        file.Position = end - 1;
        return file.ReadByte() == '\n';
    }

    private void Rotate()
    {
        if (_keep == 0)
        {
            File.Delete(_path);
            return;
        }
        for (var number = _keep - 1; number > 0; number--)
            if (File.Exists(Numbered(number))) File.Move(Numbered(number), Numbered(number + 1), overwrite: true);
        File.Move(_path, Numbered(1), overwrite: true);
    }

    private string Numbered(int number) => $"{_path}.{number}";

    private FileStream Open()
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        // It has names of items and addresses of clients.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        return new(_path, options);
    }
}
