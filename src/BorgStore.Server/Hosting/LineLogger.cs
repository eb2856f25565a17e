using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Hosting;

/// <summary>Writes the log to stderr, one line per entry: time, level, text. Control
/// characters are escaped, so that clients cannot forge lines.</summary>
/// <param name="level">The minimum level of entries.</param>
/// <param name="output">The destination.</param>
/// <param name="written">Called with each entry that is written.</param>
internal sealed class LineLogger(LogLevel level, TextWriter output, Action<EventId, LogLevel, string>? written = null) : ILogger, ILoggerProvider
{
    public ILogger CreateLogger(string categoryName)
        // Entries of the framework below warnings are only of use to its own developers.
        => categoryName.StartsWith("Microsoft.", StringComparison.Ordinal) ? new LineLogger(Max(level, LogLevel.Warning), output, written) : this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= level && logLevel != LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var text = formatter(state, exception);
        written?.Invoke(eventId, logLevel, exception is null ? text : $"{text}: {exception.Message}");
        var line = new StringBuilder(160);
        line.Append(DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z' ", CultureInfo.InvariantCulture)).Append(NameOf(logLevel)).Append(' ');
        AppendEscaped(line, text);
        // A warning is about a client, a connection or a time-out, and any client can cause many: a stack trace is for errors.
        if (exception is not null) AppendEscaped(line.Append(" | "), logLevel > LogLevel.Warning ? exception.ToString() : $"{exception.GetType()}: {exception.Message}");
        line.Append('\n');
        lock (output)
        {
            output.Write(line);
            output.Flush();
        }
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Dispose()
    {
    }

    internal static void AppendEscaped(StringBuilder line, string text)
    {
        foreach (var c in text)
        {
            if (c == '\\') line.Append(@"\\");
            else if (char.IsControl(c) || c is '\u2028' or '\u2029') line.Append(CultureInfo.InvariantCulture, $@"\x{(int)c:x2}");
            else line.Append(c);
        }
    }

    private static LogLevel Max(LogLevel a, LogLevel b) => a > b ? a : b;

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}
