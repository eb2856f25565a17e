using System.Buffers.Text;
using System.Security.Cryptography;

namespace BorgStore.Server.Page;

/// <summary>The sessions of users who have logged in to the page. They are in memory, so they end with the server.</summary>
/// <param name="time">The clock.</param>
internal sealed class PageSessions(TimeProvider time)
{
    /// <summary>The time without a request after which a session ends. An open page makes requests only while it is visible.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(30);

    /// <summary>The time after which a session ends in any case.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(12);

    // Anybody who can log in may do so many times.
    private const int MaxSessions = 1000;
    private const int TokenSize = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Session> _sessions = [];

    /// <summary>Begins a session.</summary>
    /// <param name="login">Who has logged in.</param>
    /// <returns>The secret that continues it.</returns>
    public string Begin(PageLogin login)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenSize));
        lock (_lock)
        {
            RemoveEnded();
            if (_sessions.Count == MaxSessions) _sessions.Remove(_sessions.MinBy(session => session.Value.LastUsed).Key);
            var now = time.GetUtcNow();
            _sessions.Add(GetKey(token), new(login, now) { LastUsed = now });
        }
        return token;
    }

    /// <summary>Continues a session.</summary>
    /// <param name="token">Its secret, or what a client sends as such.</param>
    /// <returns>Who has logged in, or <see langword="null"/> if there is no such session, or it has ended.</returns>
    public PageLogin? Continue(string? token)
    {
        if (token is null) return null;
        lock (_lock)
        {
            RemoveEnded();
            if (!_sessions.TryGetValue(GetKey(token), out var session)) return null;
            session.LastUsed = time.GetUtcNow();
            return session.Login;
        }
    }

    /// <summary>Ends a session.</summary>
    /// <param name="token">Its secret, or what a client sends as such.</param>
    public void End(string? token)
    {
        if (token is null) return;
        lock (_lock) _sessions.Remove(GetKey(token));
    }

    // Looking up a hash tells nothing about a secret by its timing.
    private static string GetKey(string token) => Convert.ToHexString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token)));

    private void RemoveEnded()
    {
        var now = time.GetUtcNow();
        foreach (var (key, session) in _sessions)
            if (now - session.LastUsed > IdleTime || now - session.Begun > MaxAge) _sessions.Remove(key);
    }

    private sealed record Session(PageLogin Login, DateTimeOffset Begun)
    {
        public DateTimeOffset LastUsed { get; set; }
    }
}
