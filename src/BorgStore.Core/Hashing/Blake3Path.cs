namespace BorgStore.Hashing;

/// <summary>A way to compute BLAKE3, the faster the further down.</summary>
internal enum Blake3Path
{
    /// <summary>One chunk at a time, on any processor.</summary>
    Scalar,

    /// <summary>Up to 4 chunks at a time (SSE4.1, NEON).</summary>
    Vector128,

    /// <summary>Up to 8 chunks at a time (AVX2).</summary>
    Vector256,

    /// <summary>Up to 16 chunks at a time (AVX-512).</summary>
    Vector512,
}
