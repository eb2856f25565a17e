using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>The random password of one rclone, known only to it and to this process.</summary>
/// <remarks>
/// Rclone hashes a password from its environment with a thousand rounds of MD5 per request, which takes
/// longer than most requests. In a file it also accepts a password that is hashed once. With this many
/// random bits that is just as secure, and the file is in memory and disappears with this process.
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

    /// <summary>The value for basic authentication.</summary>
    public string Credential { get; }

    /// <summary>The options that give rclone the password.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; }

    /// <summary>Creates a password that is passed to rclone in its environment.</summary>
    public static RclonePassword InEnvironment()
        // At this length, but no longer, each round of the hash takes a single block.
        => new(Convert.ToBase64String(RandomNumberGenerator.GetBytes(12))[..15], file: null);

    /// <summary>Creates a password that is passed to rclone in a file.</summary>
    /// <returns>The password, or <see langword="null"/> if the system does not support files in memory.</returns>
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
