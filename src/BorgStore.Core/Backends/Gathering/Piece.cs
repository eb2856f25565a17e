namespace BorgStore.Backends.Gathering;

/// <summary>A contiguous part of an item and the memory that it is read into.</summary>
/// <param name="Name">The nested name of the item.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Target">The memory to read into; its length is the number of bytes.</param>
internal readonly record struct Piece(string Name, long Offset, Memory<byte> Target)
{
    /// <summary>Returns the exception for an item that does not exist.</summary>
    public StoreException Missing() => new Block(Name, Offset, Target.Length).Missing();

    /// <summary>Returns the exception for a part that is not entirely inside the item.</summary>
    /// <param name="size">The size of the item [bytes]; <see langword="null"/> if it is only known to be too small.</param>
    public StoreException Outside(long? size) => new Block(Name, Offset, Target.Length).Outside(size);
}

/// <summary>Fills the memory of pieces, in any order and with any concurrency.</summary>
/// <remarks>Throws <see cref="StoreError.ObjectNotFound"/> or <see cref="StoreError.ReadRange"/> if a piece is
/// not entirely inside its item. It may run after the call that started the gathering has returned.</remarks>
internal delegate ValueTask PieceReader(IReadOnlyList<Piece> pieces, CancellationToken cancellationToken);
