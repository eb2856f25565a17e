namespace BorgStore.Hashing;

/// <summary>What <see cref="Blake3Kernel{TLanes,TVector}"/> asks of a width of vectors, whose lanes hold a chunk or parent each.
/// </summary>
internal unsafe interface IBlake3Lanes<TVector>
    where TVector : unmanaged
{
    /// <summary>A word for all lanes.</summary>
    static abstract TVector Broadcast(uint value);

    /// <summary>The numbers of the lanes: 0, 1, 2, …</summary>
    static abstract TVector Numbers();

    /// <summary>1 in the lanes where a is less than b, else 0.</summary>
    static abstract TVector Less(TVector a, TVector b);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Xor(TVector a, TVector b);

    static abstract TVector RotateRight16(TVector value);

    static abstract TVector RotateRight12(TVector value);

    static abstract TVector RotateRight8(TVector value);

    static abstract TVector RotateRight7(TVector value);

    /// <summary>Loads a block for each lane, transposed: vector i gets word i of all blocks.</summary>
    static abstract void LoadBlocks(ref byte first, nint stride, TVector* words);

    /// <summary>Stores a chaining value for each lane, one behind the other, from transposed words as above.</summary>
    static abstract void StoreValues(TVector* words, ref byte values);
}
