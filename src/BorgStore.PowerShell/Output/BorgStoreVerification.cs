using BorgStore.PowerShell.Session;
using BorgStore.Verification;

namespace BorgStore.PowerShell.Output;

/// <summary>The summary of a verification of a store.</summary>
public sealed class BorgStoreVerification
{
    private readonly VerificationSummary _summary;

    internal BorgStoreVerification(VerificationSummary summary, BorgStoreHandle store) => (_summary, Store) = (summary, store);

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <summary>Always <see langword="null"/>, so that <c>Where-Object Problem</c> selects the findings in strict mode, too.</summary>
    public VerificationProblem? Problem { get; }

    /// <summary>The number of items whose values were checked or, if their keys say nothing about them, read.</summary>
    public long ItemsChecked => _summary.Run.Items;

    /// <summary>The total size of their values [bytes].</summary>
    public long Bytes => _summary.Run.Bytes;

    /// <summary>The number of those items whose keys are not the hashes of their values, so that only reading them was tested.</summary>
    public long NotCheckable => _summary.Run.NotCheckable;

    /// <summary>The number of all problems.</summary>
    public long Problems => _summary.Run.Problems;

    /// <summary>The number of items with changed values.</summary>
    public long Damaged => _summary.Run.Damaged;

    /// <summary>The number of items whose values end too early.</summary>
    public long Truncated => _summary.Run.Truncated;

    /// <summary>The number of items that should be there.</summary>
    public long Missing => _summary.Run.Missing;

    /// <summary>The number of items and directories that cannot be read.</summary>
    public long Unreadable => _summary.Run.Unreadable;

    /// <summary>The number of files in directories where their keys do not belong.</summary>
    public long Misplaced => _summary.Run.Misplaced;

    /// <summary>The number of items at a level that their namespace does not have.</summary>
    public long WrongLevel => _summary.Run.WrongLevel;

    /// <summary>The number of files and directories that do not belong to the store.</summary>
    public long Foreign => _summary.Run.Foreign;

    /// <summary>The number of files left over from crashes.</summary>
    public long LeftOver => _summary.Run.LeftOver;

    /// <summary>How long the run took.</summary>
    public TimeSpan Duration => _summary.Duration;

    /// <summary>The bytes checked per second.</summary>
    public double Rate => _summary.Rate;

    /// <summary>Whether the pass has reached the end of the store.</summary>
    public bool IsComplete => _summary.IsComplete;

    /// <summary>Whether the store shows without a key which items should exist, so that missing ones are found.</summary>
    public bool FindsMissing => _summary.FindsMissing;

    /// <summary>When the pass began (local time), with <c>-Resume</c> in an earlier run.</summary>
    public DateTime PassStarted => _summary.PassStarted.ToLocalTime();

    /// <summary>The number of items that all runs of the pass have checked.</summary>
    public long PassItemsChecked => _summary.Pass.Items;

    /// <summary>The number of problems that all runs of the pass have found.</summary>
    public long PassProblems => _summary.Pass.Problems;
}
