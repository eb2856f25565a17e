using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp;

/// <content>Hashes.</content>
internal sealed partial class SftpBackend
{
    /// <inheritdoc/>
    public async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var digest = await RunAsync((connection, call) => connection.Hashing.TryHashAsync(ToPath(name), algorithm, call), cancellationToken)
            .ConfigureAwait(false);
        if (digest is not null) return digest;

        var value = await LoadAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
        if (value is null) return null;
        await using (value.ConfigureAwait(false)) return await algorithm.ComputeHexAsync(value, cancellationToken).ConfigureAwait(false);
    }
}
