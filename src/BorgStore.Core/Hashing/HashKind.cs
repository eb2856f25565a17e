namespace BorgStore.Hashing;

/// <summary>A hash algorithm under the name that stores know it by.</summary>
public sealed class HashKind
{
    private HashKind(string name, int digestSize) => (Name, DigestSize) = (name, digestSize);

    /// <summary>SHA-256.</summary>
    public static HashKind Sha256 { get; } = new("sha256", 32);

    /// <summary>The name, such as <c>sha3_256</c>.</summary>
    public string Name { get; }

    /// <summary>The size of a digest [bytes].</summary>
    public int DigestSize { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
