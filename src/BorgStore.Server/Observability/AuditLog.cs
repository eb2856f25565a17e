using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Observability;

/// <summary>A line for each change of a store, written before the change is acknowledged. One write, and one sync, takes along all lines that wait.</summary>
/// <remarks>While a line cannot be written, further changes are refused. The line itself goes to the server's own log, and is added later.</remarks>
/// <param name="file">The file.</param>
/// <param name="flushToDisk">Whether a line must be safe from a power failure before the acknowledgement.</param>
/// <param name="logger">The server's own log.</param>
internal sealed partial class AuditLog(LogFile file, bool flushToDisk, ILogger logger) : IDisposable
{
    private readonly Lock _lock = new();

    // The lines that are not in the file yet, oldest first. Of these, the first ones could not be written.
    private List<byte[]> _lines = [];
    private int _unwritten;

    private bool _isWriting;
    private TaskCompletionSource? _nextWrite;

    /// <summary>Returns whether a change may begin: nothing before it is unwritten.</summary>
    public bool MayChange()
    {
        lock (_lock)
        {
            if (_unwritten == 0) return true;
            if (_isWriting) return false;
            _isWriting = true;
        }
        return Write();
    }

    /// <summary>Adds a line.</summary>
    public Task AddAsync(byte[] line)
    {
        lock (_lock)
        {
            _lines.Add(line);
            if (_isWriting) return (_nextWrite ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            _isWriting = true;
        }
        Write();
        return Task.CompletedTask;
    }

    public void Dispose() => file.Dispose();

    // Returns false if they cannot be written.
    private bool Write()
    {
        List<byte[]> lines;
        TaskCompletionSource? written;
        lock (_lock)
        {
            (lines, _lines) = (_lines, []);
            (written, _nextWrite) = (_nextWrite, null);
        }
        string? failure = null;
        try
        {
            file.Append(Join(lines), flushToDisk);
        }
        catch (Exception e)
        {
            // Whatever it was, no request may wait for ever.
            failure = e.Message;
            foreach (var line in lines.Skip(_unwritten)) LogUnwritten(failure, Encoding.UTF8.GetString(line).TrimEnd());
        }
        if (failure is null && _unwritten > 0) LogContinued();
        lock (_lock)
        {
            if (failure is not null) _lines.InsertRange(0, lines);
            _unwritten = failure is null ? 0 : lines.Count;
            // Another thread makes the next write, so that the requests of this one need not wait for it.
            _isWriting = _nextWrite is not null;
            if (_isWriting) ThreadPool.UnsafeQueueUserWorkItem(static log => log.Write(), this, preferLocal: false);
        }
        written?.SetResult();
        return failure is null;
    }

    private static ReadOnlySpan<byte> Join(List<byte[]> lines)
    {
        if (lines is [var only]) return only;
        var joined = new ArrayBufferWriter<byte>(lines.Sum(line => line.Length));
        foreach (var line in lines) joined.Write(line);
        return joined.WrittenSpan;
    }

    [LoggerMessage(LogLevel.Error, "The audit log cannot be written, so changes are refused: {Reason}. Unwritten: {Line}")]
    private partial void LogUnwritten(string reason, string line);

    [LoggerMessage(LogLevel.Warning, "The audit log is complete again; changes are accepted")]
    private partial void LogContinued();
}
