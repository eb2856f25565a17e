namespace BorgStore.Backends;

/// <summary>A value, or the part of it that was asked for, on its way out of a store. Its length is known from the start.</summary>
public abstract class ValueStream : ReadOnlyStream
{
    /// <summary>Reads all that is left.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The bytes.</returns>
    public virtual async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        if (Length > Array.MaxLength)
            throw new StoreException(StoreError.InvalidArgument,
                $"A value of {Length} bytes does not fit into one array; read it as a stream, or in parts.");
        var bytes = new byte[Length];
        await this.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return bytes;
    }
}
