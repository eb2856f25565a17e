namespace BorgStore.Tests.Hashing;

/// <summary>Data to hash.</summary>
internal static class Sample
{
    /// <summary>The bytes 0, 1, … 250, 0, 1, … that BLAKE3's own vectors use.</summary>
    public static byte[] Counting(int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)(i % 251);
        return bytes;
    }

    /// <summary>Returns random bytes, the same each time.</summary>
    public static byte[] Random(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
