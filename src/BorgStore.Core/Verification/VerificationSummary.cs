namespace BorgStore.Verification;

/// <summary>The result of a run of a verification.</summary>
/// <param name="Run">What this run has done and found.</param>
/// <param name="Pass">What all runs since the beginning of the pass through the store have done and found. Without a state file it is that of this run.</param>
/// <param name="PassStarted">When the pass began (UTC).</param>
/// <param name="Duration">How long this run took.</param>
/// <param name="IsComplete">Whether the pass has reached the end of the store.</param>
/// <param name="FindsMissing">Whether something in the store that can be read without a key tells which items should exist.</param>
public sealed record VerificationSummary(
    VerificationCounts Run, VerificationCounts Pass, DateTime PassStarted, TimeSpan Duration, bool IsComplete, bool FindsMissing)
{
    /// <summary>The bytes checked per second.</summary>
    public double Rate => Duration > TimeSpan.Zero ? Run.Bytes / Duration.TotalSeconds : 0;
}
