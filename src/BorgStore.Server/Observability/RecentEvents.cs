using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Observability;

/// <summary>A warning or an error of the log.</summary>
internal sealed record LogEvent(DateTime Time, string Level, string Text);

/// <summary>Failed logins of a client under a name.</summary>
/// <param name="Time">The last of them.</param>
/// <param name="Client">Its address.</param>
/// <param name="User">The name.</param>
/// <param name="Count">How many there were.</param>
internal sealed record FailedLogin(DateTime Time, string Client, string? User, int Count);

/// <summary>The last warnings and errors of the log, and the last failed logins, newest first.</summary>
internal sealed class RecentEvents
{
    /// <summary>The name of the event that a login was refused.</summary>
    public const string RefusedLogin = "LogRefused";

    private const int MaxEvents = 50;
    private const int MaxTextLength = 1000;
    private const int MaxNameLength = 64;

    private readonly Lock _lock = new();
    private readonly LinkedList<LogEvent> _log = [];
    private readonly LinkedList<FailedLogin> _logins = [];

    /// <summary>Returns the last warnings and errors.</summary>
    public IReadOnlyList<LogEvent> GetLog()
    {
        lock (_lock) return [.. _log];
    }

    /// <summary>Returns the last failed logins.</summary>
    public IReadOnlyList<FailedLogin> GetLogins()
    {
        lock (_lock) return [.. _logins];
    }

    /// <summary>Adds an entry of the log, if it is a warning or an error. Refused logins have a list of their own.</summary>
    public void Add(EventId id, LogLevel level, string text)
    {
        if (level < LogLevel.Warning || id.Name == RefusedLogin) return;
        var added = new LogEvent(DateTime.UtcNow, level >= LogLevel.Error ? "error" : "warning", Shorten(text, MaxTextLength));
        lock (_lock) Add(_log, added);
    }

    /// <summary>Adds a failed login.</summary>
    /// <param name="client">The address of the client.</param>
    /// <param name="user">The name that it gave, if it could be read.</param>
    public void AddFailedLogin(string client, string? user)
    {
        var name = user is null ? null : Shorten(user, MaxNameLength);
        lock (_lock)
        {
            var before = _logins.FirstOrDefault(login => login.Client == client && login.User == name);
            if (before is not null) _logins.Remove(before);
            Add(_logins, new FailedLogin(DateTime.UtcNow, client, name, (before?.Count ?? 0) + 1));
        }
    }

    private static void Add<T>(LinkedList<T> list, T added)
    {
        list.AddFirst(added);
        if (list.Count > MaxEvents) list.RemoveLast();
    }

    private static string Shorten(string text, int length) => text.Length <= length ? text : $"{text[..(length - 1)]}…";
}
