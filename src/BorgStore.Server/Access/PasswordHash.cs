using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Access;

/// <summary>The hash of a password, as <c>htpasswd</c> writes it.</summary>
/// <remarks>bcrypt is what a password needs. <c>{SHA}</c> is verified too, because such files exist, but a stolen one is guessed at billions
/// of passwords per second. MD5 (<c>$apr1$</c>) and crypt need code of their own that would protect hardly better, so they are refused.</remarks>
internal static class PasswordHash
{
    // About a tenth of a second; a verified password is remembered.
    private const int WorkFactor = 11;
    private const int MaxWorkFactor = 16;
    private const string ShaPrefix = "{SHA}";

    private static readonly SearchValues<char> BcryptCharacters = SearchValues.Create("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// <summary>The maximum length of a password [bytes]: bcrypt ignores the rest.</summary>
    public const int MaxPasswordLength = 72;

    /// <summary>Creates the hash of a password.</summary>
    public static string Create(string password) => BCrypt.Net.BCrypt.HashPassword(password, WorkFactor);

    /// <summary>Returns whether a password has this hash; false for a password that is too long, in the same time.</summary>
    /// <param name="password">The password.</param>
    /// <param name="hash">A hash that has no problem.</param>
    public static bool Verify(string password, string hash)
    {
        var isTooLong = Encoding.UTF8.GetByteCount(password) > MaxPasswordLength;
        if (isTooLong) password = "";
        var isRight = hash.StartsWith(ShaPrefix, StringComparison.Ordinal)
            ? CryptographicOperations.FixedTimeEquals(Sha1(password), Convert.FromBase64String(hash[ShaPrefix.Length..]))
            : BCrypt.Net.BCrypt.Verify(password, hash);
        return isRight && !isTooLong;
    }

    /// <summary>Returns why a hash cannot be used and what to do, or <see langword="null"/> if it can.</summary>
    /// <param name="hash">The hash.</param>
    public static string? DescribeProblem(string hash)
    {
        if (hash.StartsWith(ShaPrefix, StringComparison.Ordinal))
            return Convert.TryFromBase64String(hash[ShaPrefix.Length..], new byte[64], out var length) && length == SHA1.HashSizeInBytes
                ? null : "is not the base64 of a SHA-1. Set the password again";
        if (hash.StartsWith("$apr1$", StringComparison.Ordinal) || hash.StartsWith("$1$", StringComparison.Ordinal))
            return "is MD5, which is too weak. Set the password again with 'borgstore-server-rest user set' or 'htpasswd -B'";
        if (hash.StartsWith("$5$", StringComparison.Ordinal) || hash.StartsWith("$6$", StringComparison.Ordinal))
            return "is crypt with SHA-2, which is not supported. Set the password again with 'borgstore-server-rest user set' or 'htpasswd -B'";
        if (!hash.StartsWith("$2", StringComparison.Ordinal))
            return "is neither bcrypt nor {SHA}: it may be crypt, or plain text. Set the password again with 'borgstore-server-rest user set' or 'htpasswd -B'";
        // $2y$10$ and 53 characters.
        return hash is ['$', '2', 'a' or 'b' or 'y', '$', var tens, var ones, '$', ..] && hash.Length == 60
            && int.TryParse([tens, ones], out var factor) && factor is >= 4 and <= MaxWorkFactor
            && hash.AsSpan(7).IndexOfAnyExcept(BcryptCharacters) < 0
            ? null
            : $"is damaged, or its work factor is not between 4 and {MaxWorkFactor}. Set the password again";
    }

#pragma warning disable CA5350 // The format of the file, not our choice.
    private static byte[] Sha1(string password) => SHA1.HashData(Encoding.UTF8.GetBytes(password));
#pragma warning restore CA5350
}
