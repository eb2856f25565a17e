using Amazon.S3;
using Amazon.S3.Model;
using BorgStore.Hashing;

namespace BorgStore.Backends.S3.Values;

/// <summary>Reads the checksums that a server keeps with a value.</summary>
internal static class StoredChecksum
{
    /// <summary>Finds the digest of a whole value.</summary>
    /// <param name="head">The response that contains the checksums.</param>
    /// <param name="algorithm">The requested algorithm.</param>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> if the server has none of that kind for the whole value.</returns>
    public static string? Find(GetObjectMetadataResponse head, HashKind algorithm)
    {
        // A value uploaded in parts has a checksum of the parts' checksums, recognisable by its type or by "-COUNT".
        if (head.ChecksumType == ChecksumType.COMPOSITE) return null;
        var encoded = algorithm.Name switch
        {
            "md5" => head.ChecksumMD5,
            "sha1" => head.ChecksumSHA1,
            "sha256" => head.ChecksumSHA256,
            "sha512" => head.ChecksumSHA512,
            _ => null,
        };
        var digest = new byte[algorithm.DigestSize];
        return encoded is not null && Convert.TryFromBase64String(encoded, digest, out var count) && count == digest.Length
            ? Convert.ToHexString(digest).ToLowerInvariant()
            : null;
    }
}
