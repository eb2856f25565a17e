namespace BorgStore.Backends;

/// <summary>A value or a part of it, loaded from a store as a stream. Its length is known from the start.</summary>
public abstract class ValueStream : ReadOnlyStream
{
    /// <summary>Reads the rest of the stream.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The bytes.</returns>
    public virtual async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        if (Length > Array.MaxLength)
            throw new StoreException(StoreError.InvalidArgument,
                $"A value of {Length} bytes does not fit into one array; read it as a stream, or in parts.");
        var bytes = new byte[Length];
        var count = 0;
        while (count < bytes.Length
            && await ReadAsync(bytes.AsMemory(count), cancellationToken).ConfigureAwait(false) is > 0 and var read)
            count += read;
        // Some bytes may have been read before; a stream that ends too early throws.
        Array.Resize(ref bytes, count);
        return bytes;
    }
}
