using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Access;

/// <summary>A long random secret used as a password. Only its hash is kept: of so many random bits, SHA-256 is enough.</summary>
/// <param name="Sha256">The SHA-256 of the secret, in hex.</param>
/// <param name="Expires">When it becomes invalid, or <see langword="null"/> for never.</param>
internal sealed record AccessToken(string Sha256, DateTimeOffset? Expires)
{
    private const string Prefix = "bst_";
    private const int SecretLength = 32;

    /// <summary>Creates a secret.</summary>
    public static string CreateSecret() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretLength));

    /// <summary>Returns the hash of a secret, in hex.</summary>
    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Returns whether a password may be the secret of a token.</summary>
    public static bool IsSecret(string password) => password.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Returns whether this is the token of a secret.</summary>
    public bool Matches(string secret)
        => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash(secret)), Encoding.ASCII.GetBytes(Sha256));
}
