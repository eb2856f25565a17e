using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Access;

/// <summary>A file that is read again when it changes. A broken new one is reported, and the old content stays in force.</summary>
/// <typeparam name="T">The parsed content.</typeparam>
internal sealed partial class ReloadedFile<T> where T : class
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);
    private readonly string _path;
    private readonly Func<string, string, T> _parse;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private volatile T _current;
    private (DateTime, long) _stamp;
    private long _checked;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="parse">Parses the text of the file, whose path it receives for messages.</param>
    /// <param name="logger">The log.</param>
    /// <exception cref="StoreException">The file is missing or not valid.</exception>
    public ReloadedFile(string path, Func<string, string, T> parse, ILogger logger)
    {
        (_path, _parse, _logger) = (path, parse, logger);
        _stamp = GetStamp();
        _current = Read(path, parse);
        _checked = Environment.TickCount64;
    }

    /// <summary>Returns the current content.</summary>
    public T Get()
    {
        if (Environment.TickCount64 - Volatile.Read(ref _checked) < CheckInterval.TotalMilliseconds) return _current;
        lock (_lock)
        {
            if (Environment.TickCount64 - _checked < CheckInterval.TotalMilliseconds) return _current;
            var stamp = GetStamp();
            if (stamp != _stamp)
            {
                // Each state of the file is tried and reported once.
                _stamp = stamp;
                Reload();
            }
            Volatile.Write(ref _checked, Environment.TickCount64);
            return _current;
        }
    }

    /// <summary>Reads the file again, even if it seems unchanged.</summary>
    public void Refresh()
    {
        lock (_lock)
        {
            _stamp = GetStamp();
            Reload();
        }
    }

    /// <summary>Reads and parses a file.</summary>
    public static T Read(string path, Func<string, string, T> parse)
    {
        try
        {
            return parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The file '{path}' can't be read: {e.Message}");
        }
    }

    private void Reload()
    {
        try
        {
            _current = Read(_path, _parse);
            LogReloaded(_path);
        }
        catch (StoreException e)
        {
            LogNotReloaded(e.Message);
        }
    }

    private (DateTime, long) GetStamp() => new FileInfo(_path) is { Exists: true } file ? (file.LastWriteTimeUtc, file.Length) : default;

    [LoggerMessage(LogLevel.Information, "Read the changed file {Path}")]
    private partial void LogReloaded(string path);

    [LoggerMessage(LogLevel.Error, "A changed file is not valid, so the old one stays in force: {Problem}")]
    private partial void LogNotReloaded(string problem);
}
