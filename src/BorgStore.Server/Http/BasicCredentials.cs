using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Http;

/// <summary>The user and password that every request must have.</summary>
internal sealed class BasicCredentials(string username, string password)
{
    private const string Scheme = "Basic ";
    private const int UsualLength = 256;

    // Comparing hashes of equal length reveals nothing by its timing.
    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes($"{username}:{password}"));

    /// <summary>Returns whether an Authorization header has the right user and password.</summary>
    /// <param name="header">The header, or null if there is none.</param>
    public bool Matches(string? header)
    {
        if (header is null || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        // The server's limit for headers bounds the length.
        var decoded = header.Length <= UsualLength ? stackalloc byte[UsualLength] : new byte[header.Length];
        if (!Convert.TryFromBase64Chars(header.AsSpan(Scheme.Length), decoded, out var length)) return false;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(decoded[..length], hash);
        return CryptographicOperations.FixedTimeEquals(hash, _expected);
    }
}
