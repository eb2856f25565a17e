namespace BorgStore.Verification;

/// <summary>A problem that the verification of a store found.</summary>
/// <param name="Name">The full name of the item; the path below the store for files and directories that are no item's.</param>
/// <param name="Problem">The kind of problem.</param>
/// <param name="Reason">How it shows and what to do, in a sentence or two.</param>
/// <param name="Expected">The expected digest or path, if there is one.</param>
/// <param name="Actual">The digest of the value or the path that was found instead.</param>
/// <param name="Size">The size of the value or file [bytes], if it is known.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
public sealed record VerificationFinding(
    string Name, VerificationProblem Problem, string Reason, string? Expected = null, string? Actual = null, long? Size = null, bool IsDeleted = false);
