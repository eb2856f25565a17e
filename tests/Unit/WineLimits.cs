using BorgStore.Tests.Backends;

namespace BorgStore.Tests;

/// <content>What backends cannot do there.</content>
internal static partial class Wine
{
    /// <summary>The limits of files: Wine rejects the rename by which Windows replaces an open file.</summary>
    public static BackendLimits OfFiles => IsHere ? BackendLimits.NoAtomicReplacement : BackendLimits.None;
}
