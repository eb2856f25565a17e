using System.Runtime.InteropServices;

namespace BorgStore.Tests;

/// <summary>Whether these tests run under Wine, which differs from Windows in a few things.</summary>
internal static class Wine
{
    public static bool IsHere { get; } = OperatingSystem.IsWindows()
        && NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);

    /// <summary>Skips a test under Wine.</summary>
    /// <param name="difference">What Wine does otherwise than Windows.</param>
    public static void Skip(string difference) => Assert.SkipWhen(IsHere, "Wine differs from Windows: " + difference);
}
