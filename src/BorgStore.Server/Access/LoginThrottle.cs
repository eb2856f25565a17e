using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BorgStore.Server.Access;

/// <summary>Slows logins down after failed ones, by the client's address and by the user's name. Waiting holds no thread, and logins from
/// other addresses as other users do not wait.</summary>
/// <remarks>Attempts from one address go one after another: each takes the next place in a queue, so that many at a time are no
/// faster. A queue that is too long is refused. A user's name alone never refuses, because others could then lock the user out.</remarks>
/// <param name="time">The clock.</param>
internal sealed class LoginThrottle(TimeProvider time)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxAddressDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MaxUserDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MaxQueue = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(15);
    private const int MaxCount = 50_000;

    private readonly ConcurrentDictionary<string, Failures> _addresses = [];
    private readonly ConcurrentDictionary<string, Failures> _users = [];

    /// <summary>Returns how long an attempt has to wait, or <see langword="null"/> if it is refused.</summary>
    /// <param name="address">The client's address.</param>
    /// <param name="user">The name of the user.</param>
    public TimeSpan? Reserve(string address, string user)
    {
        address = GetNetwork(address);
        var now = time.GetUtcNow();
        var wait = TimeSpan.Zero;
        if (Find(_users, user, now) is { } byUser)
            lock (byUser) wait = GetDelay(byUser.Count, MaxUserDelay);
        if (Find(_addresses, address, now) is not { } byAddress) return wait;
        lock (byAddress)
        {
            var turn = byAddress.Next > now ? byAddress.Next : now;
            var own = turn + GetDelay(byAddress.Count, MaxAddressDelay) - now;
            if (own > MaxQueue) return null;
            byAddress.Next = now + own;
            return own > wait ? own : wait;
        }
    }

    /// <summary>Records a failed login.</summary>
    public void Fail(string address, string user)
    {
        Add(_addresses, GetNetwork(address));
        Add(_users, user);
    }

    /// <summary>Forgets the failures of a user who logged in. Those of the address stay, because a valid login would else reset the guessing of others.</summary>
    public void Succeed(string user) => _users.TryRemove(user, out _);

    private void Add(ConcurrentDictionary<string, Failures> all, string key)
    {
        var now = time.GetUtcNow();
        if (all.Count >= MaxCount)
            foreach (var (old, _) in all.Where(entry => now - entry.Value.Last > Memory).ToList()) all.TryRemove(old, out _);
        // An attacker with so many addresses is not slowed by them anyway.
        if (all.Count >= MaxCount) all.Clear();
        var failures = all.GetOrAdd(key, _ => new());
        lock (failures)
        {
            if (now - failures.Last > Memory) failures.Count = 0;
            failures.Count++;
            failures.Last = now;
        }
    }

    // Whoever has one IPv6 address usually has all of its /64.
    private static string GetNetwork(string address)
        => IPAddress.TryParse(address, out var parsed) && parsed.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(parsed.GetAddressBytes().AsSpan(0, 8)) : address;

    private static Failures? Find(ConcurrentDictionary<string, Failures> all, string key, DateTimeOffset now)
        => all.TryGetValue(key, out var failures) && now - failures.Last <= Memory ? failures : null;

    private static TimeSpan GetDelay(int failures, TimeSpan max)
    {
        var delay = FirstDelay * Math.Pow(2, Math.Min(failures - 1, 16));
        return failures == 0 ? TimeSpan.Zero : delay < max ? delay : max;
    }

    private sealed class Failures
    {
        public int Count { get; set; }

        public DateTimeOffset Last { get; set; }

        public DateTimeOffset Next { get; set; }
    }
}
