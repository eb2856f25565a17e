using System.Text.Json.Serialization;

namespace BorgStore.Verification;

/// <summary>What a verification has done and found.</summary>
public sealed record VerificationCounts
{
    /// <summary>The number of items whose values were checked or, if their keys say nothing about them, read.</summary>
    [JsonInclude]
    public long Items { get; internal set; }

    /// <summary>The total size of their values [bytes].</summary>
    [JsonInclude]
    public long Bytes { get; internal set; }

    /// <summary>The number of those items whose keys are not the hashes of their values, so that only reading them was tested.</summary>
    [JsonInclude]
    public long NotCheckable { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Damaged"/> items.</summary>
    [JsonInclude]
    public long Damaged { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Truncated"/> items.</summary>
    [JsonInclude]
    public long Truncated { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Missing"/> items.</summary>
    [JsonInclude]
    public long Missing { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Misplaced"/> files.</summary>
    [JsonInclude]
    public long Misplaced { get; internal set; }

    /// <summary>The number of items at a <see cref="VerificationProblem.WrongLevel"/>.</summary>
    [JsonInclude]
    public long WrongLevel { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Foreign"/> files and directories.</summary>
    [JsonInclude]
    public long Foreign { get; internal set; }

    /// <summary>The number of <see cref="VerificationProblem.Unreadable"/> items and directories.</summary>
    [JsonInclude]
    public long Unreadable { get; internal set; }

    /// <summary>The number of files <see cref="VerificationProblem.LeftOver"/> from crashes.</summary>
    [JsonInclude]
    public long LeftOver { get; internal set; }

    /// <summary>The number of all problems.</summary>
    [JsonIgnore]
    public long Problems => Damaged + Truncated + Missing + Misplaced + WrongLevel + Foreign + Unreadable + LeftOver;

    internal void Add(VerificationProblem problem)
    {
        switch (problem)
        {
            case VerificationProblem.Damaged: Damaged++; break;
            case VerificationProblem.Truncated: Truncated++; break;
            case VerificationProblem.Missing: Missing++; break;
            case VerificationProblem.Misplaced: Misplaced++; break;
            case VerificationProblem.WrongLevel: WrongLevel++; break;
            case VerificationProblem.Foreign: Foreign++; break;
            case VerificationProblem.Unreadable: Unreadable++; break;
            default: LeftOver++; break;
        }
    }

    internal void AddItem(long bytes, bool isCheckable)
    {
        Items++;
        Bytes += bytes;
        if (!isCheckable) NotCheckable++;
    }
}
