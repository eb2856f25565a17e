using System.Management.Automation;

namespace BorgStore.PowerShell.Output;

/// <summary>A user or token of a server.</summary>
public sealed class BorgStoreServerUser
{
    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it is a user or a token.</summary>
    public required BorgStoreServerUserKind Kind { get; init; }

    /// <summary>Whether it is a user with a password. One without logs in with a client certificate.</summary>
    public bool HasPassword { get; init; }

    /// <summary>Whether everything is allowed in all stores, by the user's own rights, those of a group, or because there is no file with rights.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>The groups.</summary>
    public IReadOnlyList<string> MemberOf { get; init; } = [];

    /// <summary>The own rights, without those of groups; the first that matches a store decides.</summary>
    public IReadOnlyList<BorgStoreServerRight> Rights { get; init; } = [];

    /// <summary>When a token expires (local time), or <see langword="null"/> for never.</summary>
    public DateTime? Expires { get; init; }

    /// <summary>Whether it is a token that has expired.</summary>
    public bool IsExpired => Expires < DateTime.Now;

    /// <summary>The name and the secret of a token that was just made; otherwise <see langword="null"/>, because the server keeps only its hash.</summary>
    public PSCredential? Credential { get; init; }

    /// <summary>The file with users and passwords, or <see langword="null"/>.</summary>
    public string? UserFile { get; init; }

    /// <summary>The file with rights and tokens, or <see langword="null"/>.</summary>
    public string? RightsFile { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Kinds of users of a server.</summary>
public enum BorgStoreServerUserKind
{
    /// <summary>A user with a password or a client certificate.</summary>
    User,

    /// <summary>A token: a random secret that may expire.</summary>
    Token,
}
