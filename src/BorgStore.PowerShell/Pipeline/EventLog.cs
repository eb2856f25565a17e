using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Text.Encodings.Web;
using System.Text.Json;
using BorgStore.PowerShell.Files;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Appends what a cmdlet does to a file, one JSON object a line, for those who are not there to watch it. May be used from any thread.</summary>
internal sealed class EventLog : IDisposable
{
    private const byte NewLine = (byte)'\n';

    // The file is for people and programs, not for web pages.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly object _lock = new();
    private readonly string _command;
    private readonly string _path;
    private readonly FileStream _file;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _done;
    private long _failed;
    private long _retried;
    private bool _isEnded;

    /// <summary>Opens the log.</summary>
    /// <param name="path">The full path of the file, which is created if it does not exist.</param>
    /// <param name="command">The name of the cmdlet.</param>
    public EventLog(string path, string command)
    {
        (_path, _command) = (path, command);
        LocalPath.CheckFolder(Path.GetDirectoryName(path)!);
        try
        {
            _file = new(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The log '{path}' cannot be written: {e.Message} Specify another -LogPath.", path, e);
        }
        Write("start", _ => { });
    }

    /// <summary>Logs an item that is done.</summary>
    /// <param name="name">The name of the item.</param>
    /// <param name="bytes">The number of bytes transferred.</param>
    /// <param name="time">How long it took.</param>
    public void WriteDone(string name, long bytes, TimeSpan time)
    {
        Interlocked.Increment(ref _done);
        Write("done", json =>
        {
            json.WriteString("name", name);
            json.WriteNumber("bytes", bytes);
            json.WriteNumber("ms", Math.Round(time.TotalMilliseconds, 3));
        });
    }

    /// <summary>Logs an error.</summary>
    public void WriteFailed(ErrorRecord error)
    {
        Interlocked.Increment(ref _failed);
        Write("failed", json =>
        {
            json.WriteString("name", $"{error.TargetObject}");
            json.WriteString("error", error.FullyQualifiedErrorId.Split(',')[0]);
            json.WriteString("message", error.Exception.Message);
        });
    }

    /// <summary>Logs a request that was repeated.</summary>
    /// <param name="name">The name of the item, or the store.</param>
    /// <param name="attempt">The number of the next attempt.</param>
    /// <param name="reason">Why the last one failed.</param>
    public void WriteRetried(string name, int attempt, string reason)
    {
        Interlocked.Increment(ref _retried);
        Write("retried", json =>
        {
            json.WriteString("name", name);
            json.WriteNumber("attempt", attempt);
            json.WriteString("message", reason);
        });
    }

    /// <summary>Logs the end of the cmdlet, once.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isEnded) return;
            Write("end", json =>
            {
                json.WriteNumber("done", _done);
                json.WriteNumber("failed", _failed);
                json.WriteNumber("retried", _retried);
                json.WriteNumber("ms", Math.Round(Stopwatch.GetElapsedTime(_start).TotalMilliseconds));
            });
            _isEnded = true;
            _file.Dispose();
        }
    }

    private void Write(string what, Action<Utf8JsonWriter> details)
    {
        using var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("command", _command);
            json.WriteString("event", what);
            details(json);
            json.WriteEndObject();
        }
        line.WriteByte(NewLine);
        lock (_lock)
        {
            // Jobs may still be ending when the pipeline was stopped.
            if (_isEnded) return;
            try
            {
                // One call a line, so that several processes may share a file.
                _file.Write(line.GetBuffer().AsSpan(0, (int)line.Length));
            }
            catch (IOException e)
            {
                throw new StoreException(StoreError.BackendFailure, $"The log '{_path}' cannot be written: {e.Message}", _path, e);
            }
        }
    }
}

/// <summary>A cmdlet that transfers values, which may be limited and logged.</summary>
internal interface ITransferCommand
{
    /// <summary>The file to which events are appended.</summary>
    string? LogPath { get; }

    /// <summary>The maximum rate of all transfers together [bytes/s]; 0 for no limit.</summary>
    long MaxBytesPerSecond { get; }
}
