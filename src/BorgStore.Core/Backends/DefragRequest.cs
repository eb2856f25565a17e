using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Backends;

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

    /// <summary>What to do if the new item already exists.</summary>
    public StoreMode Mode { get; init; }

    /// <summary>What stands before the name of the new item, and before the directories that nest it, where there is no <see cref="Target"/>.</summary>
    internal string Directory => Namespace.TrimEnd('/') is { Length: > 0 } name ? name + "/" : "";

    /// <summary>Fails where nothing says the name of the new item, or where its hash would be too long for one. A backend calls it first:
    /// better before the work than after it.</summary>
    public void CheckTarget()
    {
        if (Target is not null) return;
        if (Algorithm is null)
            throw new StoreException(StoreError.InvalidArgument, "Defragmentation needs the name of the new item, or a hash algorithm that makes it.");
        var longest = NameOf(new string('0', Algorithm.DigestSize * 2));
        ItemName.CheckWritable(longest, longest);
    }

    /// <summary>The nested name of the new item.</summary>
    /// <param name="hash">The hash of its content; not looked at where there is a <see cref="Target"/>.</param>
    public string NameOf(string hash) => Target ?? Nesting.Nest(Directory + hash, Levels);
}
