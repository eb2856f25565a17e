using BorgStore.Hashing;

namespace BorgStore.Backends;

/// <summary>A block of a value.</summary>
/// <param name="Name">The name of the item; nested where a backend is asked.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes.</param>
public readonly record struct Block(string Name, long Offset, long Length);

/// <summary>The making of one new item out of blocks of existing ones.</summary>
/// <param name="Sources">The blocks, in the order in which they follow each other in the new item; names are nested.</param>
public sealed record DefragRequest(IReadOnlyList<Block> Sources)
{
    /// <summary>The nested name of the new item, or <see langword="null"/> where the hash of its content becomes its key.</summary>
    public string? Target { get; init; }

    /// <summary>The hash that makes the key of the new item where there is no <see cref="Target"/>.</summary>
    public HashKind? Algorithm { get; init; }

    /// <summary>The namespace of the new item where there is no <see cref="Target"/>.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>How many levels the new item is nested where there is no <see cref="Target"/>.</summary>
    public int Levels { get; init; }

    /// <summary>What to do where the new item exists already.</summary>
    public StoreMode Mode { get; init; }
}
