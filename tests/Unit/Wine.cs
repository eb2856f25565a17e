using System.Runtime.InteropServices;

namespace BorgStore.Tests;

/// <summary>Detects Wine, which differs from Windows in a few ways.</summary>
internal static partial class Wine
{
    public static bool IsHere { get; } = OperatingSystem.IsWindows()
        && NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);

    /// <summary>Skips a test under Wine.</summary>
    /// <param name="difference">How Wine differs from Windows.</param>
    public static void Skip(string difference) => Assert.SkipWhen(IsHere, "Wine differs from Windows: " + difference);
}
