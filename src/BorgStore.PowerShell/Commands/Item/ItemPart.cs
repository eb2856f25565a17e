using BorgStore.Backends;

namespace BorgStore.Commands;

/// <summary>A value that is wanted, or a part of it.</summary>
/// <param name="Store">The store.</param>
/// <param name="Name">The full name of the item.</param>
/// <param name="Deleted">Whether the soft-deleted item is meant.</param>
/// <param name="Range">The part.</param>
/// <param name="IsBlock">Whether the part has to be there wholly; otherwise what lies outside the value is cut off.</param>
/// <param name="Size">The size of the value [bytes], if an item told it.</param>
internal readonly record struct ItemPart(StoreLease Store, string Name, bool Deleted, ByteRange Range, bool IsBlock, long? Size)
{
    /// <summary>The part as a block; only if its length is known.</summary>
    public Block ToBlock() => new(Name, Range.Offset, Range.Length!.Value);

    /// <summary>Opens the part.</summary>
    /// <param name="store">A lease of its store.</param>
    /// <param name="cancellationToken">A token to cancel the opening.</param>
    public ValueTask<ValueStream> OpenAsync(StoreLease store, CancellationToken cancellationToken)
        => IsBlock ? store.Store.GatherAsync([ToBlock()], Deleted, cancellationToken) : store.Store.OpenReadAsync(Name, Range, Deleted, cancellationToken);

    /// <summary>Returns the part with the length that it has; the item is asked for its size if need be.</summary>
    /// <param name="cancellationToken">A token to cancel the request.</param>
    public async ValueTask<ItemPart> MeasureAsync(CancellationToken cancellationToken)
    {
        if (Range.Length is not null) return this;
        var size = Size ?? (await Store.Store.GetInfoAsync(Name, Deleted, cancellationToken)).Size;
        var (start, count) = Range.Resolve(size);
        return this with { Range = new(start, count) };
    }
}
