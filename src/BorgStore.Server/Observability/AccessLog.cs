using System.Buffers;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Observability;

/// <summary>A line for each request, written in the background. Requests never wait for it: lines that cannot be written are dropped.</summary>
internal sealed partial class AccessLog : IAsyncDisposable
{
    private const int MaxWaitingLines = 16 << 10;
    private const int BatchSize = 64 << 10;

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(MaxWaitingLines) { SingleReader = true });
    private readonly LogFile? _file;
    private readonly Func<RequestRecord, MeasuredBody, TimeSpan, byte[]> _format;
    private readonly Stream? _stdout;
    private readonly ILogger _logger;
    private readonly Task _writing;
    private int _isDropping;
    private long _dropped;

    /// <summary>Starts a log.</summary>
    /// <param name="file">Its file; <see langword="null"/> for stdout.</param>
    /// <param name="format">Returns the line of a request.</param>
    /// <param name="logger">Where lost lines are reported.</param>
    public AccessLog(LogFile? file, Func<RequestRecord, MeasuredBody, TimeSpan, byte[]> format, ILogger logger)
    {
        (_file, _format, _logger) = (file, format, logger);
        _stdout = file is null ? Console.OpenStandardOutput() : null;
        _writing = Task.Run(WriteAsync);
    }

    /// <summary>Adds the line of a request.</summary>
    public void Add(RequestRecord record, MeasuredBody body, TimeSpan duration)
    {
        if (!_lines.Writer.TryWrite(_format(record, body, duration))) Drop(1, "it is written too slowly");
    }

    /// <summary>Writes what was added and ends the log.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _writing;
        _file?.Dispose();
        if (_stdout is not null) await _stdout.DisposeAsync();
    }

    private async Task WriteAsync()
    {
        var batch = new ArrayBufferWriter<byte>(BatchSize);
        while (await _lines.Reader.WaitToReadAsync())
        {
            var count = 0;
            for (; batch.WrittenCount < BatchSize && _lines.Reader.TryRead(out var line); count++) batch.Write(line);
            Write(batch.WrittenSpan, count);
            batch.ResetWrittenCount();
        }
    }

    private void Write(ReadOnlySpan<byte> lines, int count)
    {
        try
        {
            _file?.Append(lines);
            _stdout?.Write(lines);
            _stdout?.Flush();
        }
        catch (IOException e)
        {
            Drop(count, e.Message);
            return;
        }
        if (_lines.Reader.Count == 0 && Interlocked.Exchange(ref _isDropping, 0) == 1) LogContinued(Interlocked.Exchange(ref _dropped, 0));
    }

    private void Drop(int count, string reason)
    {
        Interlocked.Add(ref _dropped, count);
        if (Interlocked.Exchange(ref _isDropping, 1) == 0) LogDropping(reason);
    }

    [LoggerMessage(LogLevel.Warning, "The access log loses lines: {Reason}")]
    private partial void LogDropping(string reason);

    [LoggerMessage(LogLevel.Warning, "The access log is written again; {Count} lines are missing")]
    private partial void LogContinued(long count);
}
