namespace BorgStore.Tests.Answers;

/// <summary>Makes valid input almost valid, in the same way for the same seed.</summary>
internal static class Mutation
{
    private static readonly string[] Pieces =
    [
        "-1", "0", "9223372036854775807", "99999999999999999999", "1e400", "NaN", "null", "true", "[]", "{}", "\"", "[", "]", "{", "}", ",", ":", "<", ">", "</",
        "..", "/", "../", "\\u0000", "\\ud800", "%00", "%", "\r\n", "\n", " ", "\0", "é", "@", "?", "#", "HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n", "X-BorgStore-Error: 99\r\n", "X-BorgStore-Server: 2\r\n", "206", "404", "302", "100", "1.5", "2026-13-45T99:99:99Z",
    ];

    /// <summary>Returns the bytes with one to five changes.</summary>
    public static byte[] Of(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (var changes = random.Next(1, 6); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            var count = Math.Min(random.Next(1, 20), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, count);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, count));
                    break;
                case 4:
                    bytes.InsertRange(at, Piece(random));
                    break;
                case 5:
                    bytes.RemoveRange(at, count);
                    bytes.InsertRange(at, Piece(random));
                    break;
                default:
                    if (random.Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Returns random bytes up to a maximum length.</summary>
    public static byte[] Noise(Random random, int longest)
    {
        var noise = new byte[random.Next(longest)];
        random.NextBytes(noise);
        return noise;
    }

    private static byte[] Piece(Random random) => System.Text.Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]);
}
