namespace BorgStore.Verification;

/// <summary>The kinds of problems that the verification of a store finds.</summary>
public enum VerificationProblem
{
    // Not zero, which PowerShell takes for false: Where-Object Problem has to find it.
    /// <summary>The value is not the one that its key was made of.</summary>
    Damaged = 1,

    /// <summary>The end of the value is missing.</summary>
    Truncated,

    /// <summary>Another item refers to this one, but it is not there.</summary>
    Missing,

    /// <summary>The file is in a directory in which its key is never looked for.</summary>
    Misplaced,

    /// <summary>The item is at a nesting level that its namespace does not have.</summary>
    WrongLevel,

    /// <summary>The file or directory does not belong to the store.</summary>
    Foreign,

    /// <summary>The storage lists the item or directory, but cannot read it.</summary>
    Unreadable,

    /// <summary>A temporary file or an incomplete upload that a crash left behind.</summary>
    LeftOver,
}
