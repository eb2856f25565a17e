using System.Runtime.InteropServices;
using BorgStore.Backends.Files.Linux;

namespace BorgStore.Backends.Files.Portable;

/// <summary>Maps the framework's exceptions. Their messages contain paths of the server, so none is passed on.</summary>
internal static class FileErrors
{
    private const int WindowsError = unchecked((int)0x80070000);
    private const int FileAbsent = WindowsError | 2;
    private const int FolderAbsent = WindowsError | 3;
    private const int WouldBlock = 11;
    private const int WouldBlockMacOS = 35;

    /// <summary>Calls a function; returns <see langword="null"/> if the file is absent.</summary>
    public static T? NullIfAbsent<T>(Func<T?> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (IsAbsent(e))
        {
            return default;
        }
        catch (Exception e) when (IsFileSystemError(e))
        {
            throw From(e);
        }
    }

    /// <summary>Calls a function and maps its exceptions, absence included.</summary>
    public static T Map<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (IsFileSystemError(e))
        {
            throw From(e);
        }
    }

    /// <summary>Calls an action and maps its exceptions, absence included.</summary>
    public static void Map(Action call) => Map(() =>
    {
        call();
        return true;
    });

    /// <summary>Retries for a while if Windows denies access because another process, often a virus scanner, has the file open.</summary>
    public static T RetryIfInUse<T>(Func<T> call)
    {
        for (var wait = 1; ; wait *= 2)
        {
            try
            {
                return call();
            }
            catch (Exception e) when (OperatingSystem.IsWindows() && wait < 1000
                && (e is UnauthorizedAccessException || e.HResult == (WindowsError | 32)))
            {
                Thread.Sleep(wait);
            }
        }
    }

    public static bool IsAbsent(Exception e) => e is FileNotFoundException or DirectoryNotFoundException
        // The path runs through a file.
        || (e is IOException && !OperatingSystem.IsWindows() && e.HResult == Errno.NotDirectory);

    /// <summary>Returns whether another process holds the file: a sharing violation, or the framework's error for a refused <c>flock</c>.</summary>
    public static bool IsInUse(IOException e)
        => OperatingSystem.IsWindows() ? e.HResult is (WindowsError | 32) or (WindowsError | 33)
            : e.HResult is WouldBlock or WouldBlockMacOS;

    public static bool IsFileSystemError(Exception e) => e is IOException or UnauthorizedAccessException;

    public static StoreException From(Exception e)
    {
        if (e is UnauthorizedAccessException) return FileSystem.Failure(StoreError.PermissionDenied, "the system denied access");
        if (e is PathTooLongException) return new StoreException(StoreError.BackendFailure, "the path is too long");
        return OperatingSystem.IsWindows() ? FromWindows(e.HResult) : FromUnix(e.HResult);
    }

    // On Unix the framework uses the error number as HResult.
    private static StoreException FromUnix(int errno)
    {
        // The framework has its own codes for absent files and for failures that it detects itself.
        if (errno < 0) errno = errno is FileAbsent or FolderAbsent ? Errno.NoEntry : Errno.InputOutput;
        var failure = Errno.Failure(errno);
        return OperatingSystem.IsMacOS() && errno == 69 ? new StoreException(StoreError.NoSpace, failure.Message) : failure;
    }

    private static StoreException FromWindows(int result)
    {
        var code = result & 0xFFFF;
        return FileSystem.Failure(code switch
        {
            5 or 19 => StoreError.PermissionDenied, // access denied, write-protected
            39 or 112 or 1295 => StoreError.NoSpace, // disk full (two codes), disk quota
            _ => StoreError.BackendFailure,
        }, Marshal.GetPInvokeErrorMessage(code).TrimEnd('.', ' ', '\r', '\n'));
    }
}
