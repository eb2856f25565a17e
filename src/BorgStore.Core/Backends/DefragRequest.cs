using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Backends;

/// <summary>A request to make a new item from blocks of existing ones.</summary>
/// <param name="Sources">The blocks, in their order in the new item; names are nested.</param>
public sealed record DefragRequest(IReadOnlyList<Block> Sources)
{
    /// <summary>The nested name of the new item, or <see langword="null"/> if the hash of its content becomes its key.</summary>
    public string? Target { get; init; }

    /// <summary>The hash that becomes the key of the new item if there is no <see cref="Target"/>.</summary>
    public HashKind? Algorithm { get; init; }

    /// <summary>The namespace of the new item if there is no <see cref="Target"/>.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The nesting level of the new item if there is no <see cref="Target"/>.</summary>
    public int Levels { get; init; }

    /// <summary>What to do if the new item already exists.</summary>
    public StoreMode Mode { get; init; }

    /// <summary>The prefix of the new item's name, before its nesting directories, if there is no <see cref="Target"/>.</summary>
    internal string Directory => Namespace.TrimEnd('/') is { Length: > 0 } name ? name + "/" : "";

    /// <summary>Throws <see cref="StoreError.InvalidArgument"/> if neither a name nor a hash is given, or
    /// <see cref="StoreError.InvalidName"/> if the hash makes too long a name. Backends call it before they start any work.</summary>
    public void CheckTarget()
    {
        if (Target is not null) return;
        if (Algorithm is null)
            throw new StoreException(StoreError.InvalidArgument, "Defragmentation needs the name of the new item, or a hash algorithm to derive it.");
        var longest = NameOf(new string('0', Algorithm.DigestSize * 2));
        ItemName.CheckWritable(longest, longest);
    }

    /// <summary>Returns the nested name of the new item.</summary>
    /// <param name="hash">The hash of its content; ignored if there is a <see cref="Target"/>.</param>
    public string NameOf(string hash) => Target ?? Nesting.Nest(Directory + hash, Levels);
}
