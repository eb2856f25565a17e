using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Rclone;

/// <summary>The password of one rclone: random, and known to it and us alone.</summary>
/// <remarks>
/// A password in its environment is one that rclone hashes with a thousand rounds of MD5 for each request, which takes longer than
/// most requests do themselves. From a file it takes also what is hashed once. The password has so many random bits that this is
/// as good, and the file is one in memory, which is gone when we are.
/// </remarks>
internal sealed partial class RclonePassword : IDisposable
{
    private const string User = "borgstore";

    private readonly SafeFileHandle? _file;

    private RclonePassword(string password, SafeFileHandle? file)
    {
        _file = file;
        Credential = Convert.ToBase64String(Encoding.ASCII.GetBytes($"{User}:{password}"));
        Settings = file is null
            ? [("RC_USER", User), ("RC_PASS", password)]
            : [("RC_HTPASSWD", $"/proc/{Environment.ProcessId}/fd/{file.DangerousGetHandle()}")];
    }

    /// <summary>What a request carries in basic authentication.</summary>
    public string Credential { get; }

    /// <summary>The options by which rclone learns it.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; }

    /// <summary>Makes a password that rclone finds in its environment.</summary>
    public static RclonePassword InEnvironment()
        // Of this length, and no more, a round of its hash takes one block.
        => new(Convert.ToBase64String(RandomNumberGenerator.GetBytes(12))[..15], file: null);

    /// <summary>Makes a password that rclone finds in a file.</summary>
    /// <returns>The password, or <see langword="null"/> where there are no files in memory.</returns>
    [SuppressMessage("Security", "CA5350", Justification = "It is the format of the file, and 192 random bits are not guessed.")]
    public static RclonePassword? InFile()
    {
        const uint closeOnExec = 1;
        if (!OperatingSystem.IsLinux()) return null;
        var file = CreateMemoryFile(User, closeOnExec);
        if (file.IsInvalid) return null;
        var password = Convert.ToBase64String(RandomNumberGenerator.GetBytes(24));
        var hash = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(password)));
        RandomAccess.Write(file, Encoding.ASCII.GetBytes($"{User}:{{SHA}}{hash}\n"), 0);
        return new RclonePassword(password, file);
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle CreateMemoryFile(string name, uint flags);
}
