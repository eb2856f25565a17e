using System.Runtime.InteropServices;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests;

/// <summary>Whether these tests run under Wine, which differs from Windows in a few things.</summary>
internal static class Wine
{
    public static bool IsHere { get; } = OperatingSystem.IsWindows()
        && NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);

    /// <summary>What files lack: Wine refuses the rename by which Windows replaces a file that is open.</summary>
    public static BackendLimits OfFiles => IsHere ? BackendLimits.NoAtomicReplacement : BackendLimits.None;

    /// <summary>Skips a test under Wine.</summary>
    /// <param name="difference">What Wine does otherwise than Windows.</param>
    public static void Skip(string difference) => Assert.SkipWhen(IsHere, "Wine differs from Windows: " + difference);
}
