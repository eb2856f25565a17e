using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Synchronization;

/// <summary>Copies an item to another store, whole or not at all.</summary>
/// <param name="Source">The store to copy from.</param>
/// <param name="Name">The full name.</param>
/// <param name="IsDeleted">Whether to copy the soft-deleted item.</param>
/// <param name="Destination">The store to copy to.</param>
internal readonly record struct ItemCopy(Store Source, string Name, bool IsDeleted, Store Destination)
{
    // A value in memory can be sent again after a failure, and with its hash before it.
    private const int MaxInMemory = 1 << 20;

    /// <summary>The full name of the copy.</summary>
    public string NewName { get; init; } = Name;

    /// <summary>Whether the copy is soft-deleted.</summary>
    public bool StaysDeleted { get; init; }

    public StoreMode Mode { get; init; }

    /// <summary>Whether the copy is read again, by its storage if it can, and its hash compared.</summary>
    public bool IsVerified { get; init; }

    /// <summary>The limit on the rate, shared with other copies. It does not apply to those that the storage makes.</summary>
    public RateLimit? Limit { get; init; }

    /// <summary>Receives the number of bytes copied from time to time. May be called on any thread.</summary>
    public Action<long>? Moved { get; init; }

    /// <summary>Copies the item: on the storage if it can do that itself, otherwise through this process.</summary>
    public async Task CopyAsync(CancellationToken cancellationToken)
    {
        if (await Destination.CopyFromAsync(Source, Name, IsDeleted, NewName, StaysDeleted, Mode, cancellationToken).ConfigureAwait(false) is not { } size)
        {
            await StreamAsync(cancellationToken).ConfigureAwait(false);
            return;
        }
        Moved?.Invoke(size);
        if (IsVerified) await VerifyAsync(await Source.HashAsync(Name, HashKind.Sha256, IsDeleted, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    private async Task StreamAsync(CancellationToken cancellationToken)
    {
        using var hasher = IsVerified ? HashKind.Sha256.CreateHasher() : null;
        var value = await Source.OpenReadAsync(Name, ByteRange.Whole, IsDeleted, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false))
        {
            var stream = new WatchedStream(Limit is null ? value : new ThrottledStream(value, Limit), hasher, Moved);
            await using (stream.ConfigureAwait(false))
            {
                if (value.Length > MaxInMemory)
                {
                    await StoreAsync(new(stream, value.Length), cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    var bytes = new byte[value.Length];
                    await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
                    await StoreAsync(bytes, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        if (hasher is not null) await VerifyAsync(hasher.FinishHex(), cancellationToken).ConfigureAwait(false);
    }

    private ValueTask StoreAsync(StoreValue value, CancellationToken cancellationToken)
        => StaysDeleted ? Destination.StoreDeletedAsync(NewName, value, Mode, cancellationToken) : Destination.StoreAsync(NewName, value, Mode, cancellationToken);

    private async Task VerifyAsync(string expected, CancellationToken cancellationToken)
    {
        var actual = await Destination.HashAsync(NewName, HashKind.Sha256, StaysDeleted, cancellationToken).ConfigureAwait(false);
        if (actual == expected) return;
        // A bad copy that stays would be taken for a good one of the same size later.
        await Destination.DeleteAsync(NewName, StaysDeleted, cancellationToken).ConfigureAwait(false);
        throw new StoreException(StoreError.HashMismatch,
            $"The copy of '{Name}' in '{Destination.Url}' had the SHA-256 {actual} instead of {expected} and was removed. Copy it again; if that fails as well, test the storage.", Name);
    }

    /// <summary>Counts and hashes the bytes that are read.</summary>
    private sealed class WatchedStream(Stream stream, Hasher? hasher, Action<long>? moved) : ReadOnlyStream
    {
        public override long Length => stream.Length;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            hasher?.Append(buffer.Span[..read]);
            moved?.Invoke(read);
            return read;
        }
    }
}
