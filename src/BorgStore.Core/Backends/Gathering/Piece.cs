namespace BorgStore.Backends.Gathering;

/// <summary>A contiguous part of an item and the memory that it is read into.</summary>
/// <param name="Name">The nested name of the item.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Target">Where the bytes go; its length is the number of bytes to read.</param>
internal readonly record struct Piece(string Name, long Offset, Memory<byte> Target)
{
    /// <summary>Returns the exception for an item that does not exist.</summary>
    public StoreException Missing() => new Block(Name, Offset, Target.Length).Missing();

    /// <summary>Returns the exception for a part that is not wholly inside the item.</summary>
    /// <param name="size">The size of the item [bytes]; <see langword="null"/> where it is known only that the item ends before.</param>
    public StoreException Outside(long? size) => new Block(Name, Offset, Target.Length).Outside(size);
}

/// <summary>Fills the memory of pieces, in any order and as many at a time as the storage likes.</summary>
/// <remarks>Fails with <see cref="StoreError.ObjectNotFound"/> or <see cref="StoreError.ReadRange"/> where a piece is not wholly there.
/// It may run after the call that began the gathering has returned.</remarks>
internal delegate ValueTask PieceReader(IReadOnlyList<Piece> pieces, CancellationToken cancellationToken);
