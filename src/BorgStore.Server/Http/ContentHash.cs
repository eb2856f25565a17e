using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>The SHA-256 of a value in HTTP headers: announced by the sender, or returned on request (RFC 9530).</summary>
internal static class ContentHash
{
    private const string AnnouncedHeader = "X-Content-hash-sha256";
    private const string WantedHeader = "Want-Repr-Digest";
    private const string DigestHeader = "Repr-Digest";
    private const string Algorithm = "sha-256";

    /// <summary>Returns the hash that the client announced for its value, in hex, or null.</summary>
    public static string? GetAnnounced(HttpRequest request) => request.Headers[AnnouncedHeader] is [{ } hash, ..] ? hash : null;

    /// <summary>Returns whether the client wants the hash of the value.</summary>
    public static bool IsWanted(HttpRequest request)
        => request.Headers[WantedHeader] is [{ } wanted, ..] && wanted.Contains(Algorithm, StringComparison.OrdinalIgnoreCase);

    /// <summary>Adds the hash of the value to the response.</summary>
    public static void SetDigest(HttpResponse response, ReadOnlySpan<byte> hash)
        => response.Headers[DigestHeader] = $"{Algorithm}=:{Convert.ToBase64String(hash)}:";

    /// <summary>Throws if a hash differs from the announced one.</summary>
    public static void Check(ReadOnlySpan<byte> hash, string? announced)
    {
        if (announced is not null && !announced.Equals(Convert.ToHexStringLower(hash), StringComparison.OrdinalIgnoreCase))
            // In the words of the Python server, wherever in the upload it is found.
            throw new StoreException(StoreError.HashMismatch, "Content hash verification failed, please retry") { IsExplained = true };
    }
}
