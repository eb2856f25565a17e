using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp.Hashing;

/// <summary>Computes hashes on the server: by an extension, or by a program that its shell finds.</summary>
/// <remarks>The server's abilities are found out once per connection; a wrong guess costs one round trip.</remarks>
internal sealed class ServerHashing(SftpConnection connection, ISftpTransport transport, TimeSpan timeout) : IAsyncDisposable
{
    private readonly CheckFile _checkFile = new(connection);
    private readonly RemoteShell _shell = new(transport, timeout);

    /// <summary>Computes the hash of a file.</summary>
    /// <param name="path">Its path on the server.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="retry">The operation that needs it.</param>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> if the server cannot compute it or there is no such file.</returns>
    public async Task<string?> TryHashAsync(string path, HashKind algorithm, RetryState retry)
    {
        // The server answers nothing else meanwhile. A file that takes too long would cost one connection after another, so this is not retried.
        if (retry.FailedAttempts == 0 && await _checkFile.TryHashAsync(path, algorithm).ConfigureAwait(false) is { } digest) return digest;
        if (!_shell.MaySupport(algorithm)) return null;

        var asking = connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, path));
        var hashed = await _shell.TryHashAsync(path, algorithm).ConfigureAwait(false);
        using var stat = await asking.ConfigureAwait(false);
        // A shell may see other folders than the SFTP server; the size must match, because it may have found another file of the same name.
        return hashed is { } known && stat.IsOk && stat.Attributes.IsRegular && stat.Attributes.Size == known.Size ? known.Digest : null;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _shell.DisposeAsync();
}
