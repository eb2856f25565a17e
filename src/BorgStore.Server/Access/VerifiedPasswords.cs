using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Access;

/// <summary>The passwords that were verified, so that a slow hash costs only the first request of a client. Each is kept as a hash under
/// a key that exists in memory alone, and is worth nothing once the user's entry in the file has changed.</summary>
internal sealed class VerifiedPasswords
{
    private const int MaxCount = 10_000;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, Task<bool>> _verified = [];

    /// <summary>Returns whether a password was verified, or whether one that is being verified turned out right. The work is done once
    /// for all requests that bring the same password at the same time.</summary>
    /// <param name="user">The user.</param>
    /// <param name="password">The password.</param>
    /// <param name="hash">The user's hash in the file, or <see langword="null"/> if there is no such user.</param>
    /// <param name="verify">Verifies the password.</param>
    public async Task<bool> VerifyAsync(string user, string password, string? hash, Func<Task<bool>> verify)
    {
        var key = Convert.ToBase64String(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{user}\0{hash}\0{password}")));
        if (_verified.TryGetValue(key, out var known)) return await known;
        var source = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_verified.TryAdd(key, source.Task))
        {
            if (_verified.TryGetValue(key, out var other)) return await other;
            return await verify();
        }
        var isRight = false;
        try
        {
            isRight = await verify();
        }
        finally
        {
            if (!isRight || _verified.Count > MaxCount) _verified.TryRemove(key, out _);
            source.TrySetResult(isRight);
        }
        return isRight;
    }
}
