using System.Runtime.InteropServices;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests;

/// <summary>Detects Wine, which differs from Windows in a few ways.</summary>
internal static class Wine
{
    public static bool IsHere { get; } = OperatingSystem.IsWindows()
        && NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);

    /// <summary>The limits of files: Wine rejects the rename by which Windows replaces an open file.</summary>
    public static BackendLimits OfFiles => IsHere ? BackendLimits.NoAtomicReplacement : BackendLimits.None;

    /// <summary>Skips a test under Wine.</summary>
    /// <param name="difference">How Wine differs from Windows.</param>
    public static void Skip(string difference) => Assert.SkipWhen(IsHere, "Wine differs from Windows: " + difference);
}
