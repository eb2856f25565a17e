namespace BorgStore.PowerShell.Output;

/// <summary>What a user of a server may do in the stores that a pattern matches.</summary>
/// <param name="Store">The pattern of names of stores.</param>
/// <param name="Permission">The name of a preset, or a map as JSON.</param>
/// <param name="Quota">The maximum size of each of these stores [bytes], or <see langword="null"/> if the rights set none.</param>
public sealed record BorgStoreServerRight(string Store, string Permission, long? Quota)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Store} = {Permission}";
}
