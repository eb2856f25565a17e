using System.Runtime.InteropServices;

namespace BorgStore.Backends.Files.Linux;

/// <summary>The error numbers that matter here, and the mapping of all others.</summary>
internal static class Errno
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int AccessDenied = 13;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NotDirectory = 20;
    public const int IsDirectory = 21;
    public const int InvalidArgument = 22;
    public const int NoSpace = 28;
    public const int ReadOnly = 30;
    public const int NotImplemented = 38;
    public const int DirectoryNotEmpty = 39;
    public const int NotSupported = 95;
    public const int OverQuota = 122;

    /// <summary>Returns whether the name does not exist, including because its path runs through a file.</summary>
    public static bool IsAbsent(int errno) => errno is NoEntry or NotDirectory;

    /// <summary>Returns the failure of the last call.</summary>
    public static StoreException LastFailure() => Failure(Marshal.GetLastPInvokeError());

    public static StoreException Failure(int errno) => FileSystem.Failure(errno switch
    {
        NotPermitted or AccessDenied or ReadOnly => StoreError.PermissionDenied,
        NoSpace or OverQuota => StoreError.NoSpace,
        _ => StoreError.BackendFailure,
    }, $"the system says: {Describe(errno)}");

    // The C library's text, adapted to the middle of a sentence.
    private static string Describe(int errno)
    {
        var text = Marshal.GetPInvokeErrorMessage(errno);
        return text.Length > 1 && char.IsLower(text[1]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }
}
