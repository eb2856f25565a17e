using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>Prefers the cipher that takes ssh the least time, among those that its configuration allows.</summary>
internal static class CipherChoice
{
    // ssh's own order begins with the one that is quick without instructions for AES. Another order is somebody's choice.
    private const string FirstByDefault = "chacha20-poly1305@openssh.com";
    private const string Quickest = "aes128-gcm@openssh.com";

    /// <summary>The option that prefers it.</summary>
    /// <param name="ciphers">What ssh would offer, in its order; empty where that is unknown.</param>
    /// <returns>An option for ssh, or none where its order is to stay.</returns>
    public static string[] Prefer(string ciphers) => Prefer(ciphers, X86.Aes.IsSupported || Arm.Aes.IsSupported);

    /// <inheritdoc cref="Prefer(string)"/>
    /// <param name="ciphers">What ssh would offer, in its order; empty where that is unknown.</param>
    /// <param name="isQuick">Whether the processor has instructions for AES.</param>
    internal static string[] Prefer(string ciphers, bool isQuick)
    {
        var all = ciphers.Split(',');
        return isQuick && all[0] == FirstByDefault && all.Contains(Quickest)
            ? [$"Ciphers={string.Join(',', all.Where(c => c != Quickest).Prepend(Quickest))}"]
            : [];
    }
}
