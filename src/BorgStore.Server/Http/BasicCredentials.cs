using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>The user and password of a request, and those that every request must have on a server with one user.</summary>
internal sealed class BasicCredentials(string username, string password)
{
    /// <summary>The header that requests a login.</summary>
    public const string Challenge = "Basic realm=\"BorgStore REST Server\"";

    private const string Scheme = "Basic ";
    private const int UsualLength = 256;

    // Comparing hashes of equal length reveals nothing by its timing.
    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes($"{username}:{password}"));

    /// <summary>Returns the Authorization header of a request, or <see langword="null"/> if it has not exactly one.</summary>
    public static string? GetHeader(HttpRequest request) => request.Headers.Authorization is [{ } header] ? header : null;

    /// <summary>Returns the user and password of a header, or <see langword="null"/> if it has none.</summary>
    /// <param name="header">The header, or null if there is none.</param>
    public static (string User, string Password)? Parse(string? header)
    {
        var decoded = header is null or { Length: <= UsualLength } ? stackalloc byte[UsualLength] : new byte[header.Length];
        if (!TryDecode(header, decoded, out var length)) return null;
        var text = Encoding.UTF8.GetString(decoded[..length]);
        return text.IndexOf(':') is >= 0 and var colon ? (text[..colon], text[(colon + 1)..]) : null;
    }

    /// <summary>Returns whether an Authorization header has the right user and password.</summary>
    /// <param name="header">The header, or null if there is none.</param>
    public bool Matches(string? header)
    {
        // The server's limit for headers bounds the length.
        var decoded = header is null or { Length: <= UsualLength } ? stackalloc byte[UsualLength] : new byte[header.Length];
        if (!TryDecode(header, decoded, out var length)) return false;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(decoded[..length], hash);
        return CryptographicOperations.FixedTimeEquals(hash, _expected);
    }

    private static bool TryDecode(string? header, Span<byte> decoded, out int length)
    {
        length = 0;
        return header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && Convert.TryFromBase64Chars(header.AsSpan(Scheme.Length), decoded, out length);
    }
}
