using BorgStore.Backends.Sftp.Connection;

namespace BorgStore.Tests.Sftp;

/// <summary>The pool of connections while one of them is being made.</summary>
public sealed class ConnectionPoolTests
{
    [Fact]
    public async Task A_connection_that_fails_while_the_pool_looks_at_it_is_made_again()
    {
        await using var pool = new ConnectionPool(_ => Task.FromException<SftpConnection>(new StoreException(StoreError.ConnectionLost)), 1);
        var made = new HashSet<Task<SftpConnection>>();
        // Each attempt takes a few microseconds on another thread, so that many calls come while it fails.
        while (made.Count < 2000) made.Add(pool.GetAsync(CancellationToken.None).AsTask());
        foreach (var connecting in made) await Assert.ThrowsAsync<StoreException>(() => connecting);
    }
}
