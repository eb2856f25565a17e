namespace BorgStore.Server.Access;

/// <summary>A user, a group or a token in the rights file.</summary>
internal sealed record Account(string Name)
{
    /// <summary>Whether everything is allowed in all stores.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>Whether the metrics of the server may be read, which name all stores.</summary>
    public bool ReadsMetrics { get; init; }

    /// <summary>What is allowed where; the first rule about a store decides.</summary>
    public IReadOnlyList<StoreRule<StoreRights>> Stores { get; init; } = [];

    /// <summary>The members, if it is a group.</summary>
    public IReadOnlySet<string> Members { get; init; } = new HashSet<string>();

    /// <summary>The secret, if it is a token.</summary>
    public AccessToken? Token { get; init; }
}
