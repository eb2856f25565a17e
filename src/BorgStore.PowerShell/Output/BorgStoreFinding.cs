using BorgStore.PowerShell.Session;
using BorgStore.Verification;

namespace BorgStore.PowerShell.Output;

/// <summary>A problem that the verification of a store found.</summary>
public sealed class BorgStoreFinding
{
    internal BorgStoreFinding(VerificationFinding finding, BorgStoreHandle store)
    {
        (Name, Problem, Reason, Expected, Actual, Size, IsDeleted) = finding;
        Store = store;
    }

    /// <summary>The full name of the item; the path below the store for files and directories that are no item's.</summary>
    public string Name { get; }

    /// <summary>The kind of problem.</summary>
    public VerificationProblem Problem { get; }

    /// <summary>How it shows and what to do.</summary>
    public string Reason { get; }

    /// <summary>The expected digest or path, if there is one.</summary>
    public string? Expected { get; }

    /// <summary>The digest of the value or the path that was found instead.</summary>
    public string? Actual { get; }

    /// <summary>The size of the value or file [bytes], if it is known.</summary>
    public long? Size { get; }

    /// <summary>Whether the item is soft-deleted.</summary>
    public bool IsDeleted { get; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Problem}: {Name}";
}
