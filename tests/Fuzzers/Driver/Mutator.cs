using System.Text;

namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>Makes new inputs of known ones.</summary>
/// <param name="random">The source of all choices.</param>
/// <param name="tokens">Texts that mean something.</param>
internal sealed class Mutator(Random random, IEnumerable<string> tokens)
{
    private const int MaxLength = 4096;
    private const int MaxBlock = 32;

    private static readonly string[] Numbers =
        ["0", "1", "-1", "00", "255", "65536", "2147483647", "2147483648", "4294967295", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999", "1e400", "1.5"];

    private static readonly byte[] Bytes = [0, 1, 0x0a, 0x0d, 0x1b, 0x20, 0x2e, 0x2f, 0x3a, 0x7f, 0x80, 0xc3, 0xed, 0xff];

    private readonly byte[][] _tokens = [.. tokens.Concat(Numbers).Select(Encoding.UTF8.GetBytes)];

    /// <summary>Returns an input with some changes.</summary>
    /// <param name="input">The input.</param>
    /// <param name="other">Another one, of which it may get a part.</param>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        var bytes = new List<byte>(input);
        for (var changes = 1 << random.Next(5); changes > 0; changes--) Change(bytes, other);
        if (bytes.Count > MaxLength) bytes.RemoveRange(MaxLength, bytes.Count - MaxLength);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        var at = random.Next(bytes.Count + 1);
        var count = Math.Min(random.Next(1, random.Next(2, MaxBlock)), bytes.Count - at);
        switch (random.Next(12))
        {
            case 0 when count > 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when count > 0:
                bytes[at] = Bytes[random.Next(Bytes.Length)];
                break;
            case 2 when count > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 3 when count > 0:
                bytes[at] += (byte)random.Next(-9, 10);
                break;
            case 4:
                bytes.RemoveRange(at, count);
                break;
            case 5:
                bytes.InsertRange(at, bytes.GetRange(at, count));
                break;
            case 6:
                var from = random.Next(bytes.Count + 1);
                bytes.InsertRange(at, bytes.GetRange(from, Math.Min(count, bytes.Count - from)));
                break;
            case 7:
                bytes.InsertRange(at, Token());
                break;
            case 8:
                bytes.RemoveRange(at, count);
                bytes.InsertRange(at, Token());
                break;
            case 9 when random.Next(4) == 0:
                // The beginning of one and the end of the other.
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
                break;
            case 10:
                var start = random.Next(other.Length + 1);
                bytes.InsertRange(at, other.AsSpan(start, Math.Min(count, other.Length - start)).ToArray());
                break;
            default:
                ReplaceNumber(bytes, at);
                break;
        }
    }

    private byte[] Token() => _tokens[random.Next(_tokens.Length)];

    private void ReplaceNumber(List<byte> bytes, int near)
    {
        var start = bytes.FindIndex(near, value => char.IsAsciiDigit((char)value));
        if (start < 0) return;
        var end = bytes.FindIndex(start, value => !char.IsAsciiDigit((char)value));
        bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
        bytes.InsertRange(start, Encoding.ASCII.GetBytes(Numbers[random.Next(Numbers.Length)]));
    }
}
