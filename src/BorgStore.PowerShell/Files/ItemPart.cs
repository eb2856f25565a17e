using BorgStore.Backends;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Files;

/// <summary>A value, or a part of it, to be read.</summary>
/// <param name="Store">The store.</param>
/// <param name="Name">The full name of the item.</param>
/// <param name="Deleted">Whether to read the soft-deleted item.</param>
/// <param name="Range">The part.</param>
/// <param name="IsBlock">Whether the whole part has to exist; otherwise it is cut off at the end of the value.</param>
/// <param name="Size">The size of the value [bytes], if it is known from a piped item.</param>
internal readonly record struct ItemPart(StoreLease Store, string Name, bool Deleted, ByteRange Range, bool IsBlock, long? Size)
{
    /// <summary>Returns the part as a block; only valid if its length is known.</summary>
    public Block ToBlock() => new(Name, Range.Offset, Range.Length!.Value);

    /// <summary>Opens the part.</summary>
    /// <param name="store">A lease of the part's store.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public ValueTask<ValueStream> OpenAsync(StoreLease store, CancellationToken cancellationToken)
        => IsBlock ? store.Store.GatherAsync([ToBlock()], Deleted, cancellationToken) : store.Store.OpenReadAsync(Name, Range, Deleted, cancellationToken);

    /// <summary>Returns the part with its actual length, getting the size of the item if necessary.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<ItemPart> MeasureAsync(CancellationToken cancellationToken)
    {
        if (Range.Length is not null) return this;
        var size = Size ?? (await Store.Store.GetInfoAsync(Name, Deleted, cancellationToken)).Size;
        var (start, count) = Range.Resolve(size);
        return this with { Range = new(start, count) };
    }
}
