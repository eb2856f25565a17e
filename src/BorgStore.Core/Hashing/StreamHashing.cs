using System.Buffers;

namespace BorgStore.Hashing;

/// <summary>Hashes streams of any length in constant memory.</summary>
internal static class StreamHashing
{
    /// <summary>The first read, which holds the whole of most values [bytes].</summary>
    private const int FirstSize = 256 * 1024;

    /// <summary>A read of what is longer [bytes]: few switches between threads, yet two of them stay in the caches.</summary>
    private const int BlockSize = 1024 * 1024;

    public static async ValueTask<string> ComputeHexAsync(HashKind kind, Stream stream, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var hasher = kind.CreateHasher();
        var buffer = ArrayPool<byte>.Shared.Rent(FirstSize);
        try
        {
            var read = await FillAsync(stream, buffer.AsMemory(0, FirstSize), cancellationToken).ConfigureAwait(false);
            hasher.Append(buffer.AsSpan(0, read));
            if (read < FirstSize)
                return hasher.FinishHex();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        await AppendRestAsync(hasher, stream, cancellationToken).ConfigureAwait(false);
        return hasher.FinishHex();
    }

    /// <summary>Reads into one buffer while the other is hashed.</summary>
    private static async ValueTask AppendRestAsync(Hasher hasher, Stream stream, CancellationToken cancellationToken)
    {
        var filling = ArrayPool<byte>.Shared.Rent(BlockSize);
        var hashed = ArrayPool<byte>.Shared.Rent(BlockSize);
        var hashing = Task.CompletedTask;
        try
        {
            int read;
            do
            {
                read = await FillAsync(stream, filling.AsMemory(0, BlockSize), cancellationToken).ConfigureAwait(false);
                await hashing.ConfigureAwait(false);
                (filling, hashed) = (hashed, filling);
                var block = hashed.AsMemory(0, read);
                hashing = Task.Run(() => hasher.Append(block.Span), CancellationToken.None);
            }
            while (read == BlockSize);
            await hashing.ConfigureAwait(false);
        }
        finally
        {
            // The buffers and the hasher are in use until the last block is done, also when reading failed.
            await hashing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ArrayPool<byte>.Shared.Return(filling);
            ArrayPool<byte>.Shared.Return(hashed);
        }
    }

    private static ValueTask<int> FillAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
    }
}
