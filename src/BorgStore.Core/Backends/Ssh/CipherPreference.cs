using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace BorgStore.Backends.Ssh;

/// <summary>Chooses the cipher with the lowest CPU cost among those that the ssh configuration allows.</summary>
internal static class CipherPreference
{
    // ssh's default order starts with the cipher that is fast without AES instructions. Any other order was configured on purpose.
    private const string DefaultFirstCipher = "chacha20-poly1305@openssh.com";
    private const string FastestCipher = "aes128-gcm@openssh.com";

    /// <summary>Returns the option that prefers the fastest cipher.</summary>
    /// <param name="ciphers">The ciphers that ssh would offer, in order; empty if unknown.</param>
    /// <returns>An option for ssh, or none to keep the order.</returns>
    public static string[] Prefer(string ciphers) => Prefer(ciphers, X86.Aes.IsSupported || Arm.Aes.IsSupported);

    /// <inheritdoc cref="Prefer(string)"/>
    /// <param name="ciphers">The ciphers that ssh would offer, in order; empty if unknown.</param>
    /// <param name="hasAesInstructions">Whether the processor has AES instructions.</param>
    internal static string[] Prefer(string ciphers, bool hasAesInstructions)
    {
        var all = ciphers.Split(',');
        return hasAesInstructions && all[0] == DefaultFirstCipher && all.Contains(FastestCipher)
            ? [$"Ciphers={string.Join(',', all.Where(c => c != FastestCipher).Prepend(FastestCipher))}"]
            : [];
    }
}
