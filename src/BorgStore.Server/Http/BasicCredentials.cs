using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Http;

/// <summary>The user and password that every request has to carry.</summary>
internal sealed class BasicCredentials(string username, string password)
{
    private const string Scheme = "Basic ";
    private const int UsualLength = 256;

    // Hashes have one length, so that the comparison tells nothing by its time.
    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes($"{username}:{password}"));

    /// <summary>Whether an Authorization header is the right one.</summary>
    /// <param name="header">The header, where there was one.</param>
    public bool Matches(string? header)
    {
        if (header is null || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return false;
        // As long as the server takes a header at all.
        var decoded = header.Length <= UsualLength ? stackalloc byte[UsualLength] : new byte[header.Length];
        if (!Convert.TryFromBase64Chars(header.AsSpan(Scheme.Length), decoded, out var length)) return false;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(decoded[..length], hash);
        return CryptographicOperations.FixedTimeEquals(hash, _expected);
    }
}
