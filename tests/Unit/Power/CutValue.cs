using System.Buffers.Binary;
using System.Globalization;

namespace BorgStore.Tests.Power;

/// <summary>Values that describe themselves: all bytes follow from the number and the length at the beginning.</summary>
internal static class CutValue
{
    public const int MinLength = 12;

    public static byte[] Create(int number, int length)
    {
        var value = new byte[length];
        new Random(number).NextBytes(value);
        BinaryPrimitives.WriteInt64LittleEndian(value, number);
        BinaryPrimitives.WriteInt32LittleEndian(value.AsSpan(8), length);
        return value;
    }

    /// <summary>Returns a name for a value, equal for equal ones.</summary>
    public static string Describe(int number, int length) => string.Create(CultureInfo.InvariantCulture, $"value {number} of {length} bytes");

    /// <summary>Returns the description of a value that was read; <see langword="null"/> if it is not whole.</summary>
    public static string? Identify(byte[] value)
    {
        if (value.Length < MinLength) return null;
        var number = BinaryPrimitives.ReadInt64LittleEndian(value);
        return number is > 0 and <= int.MaxValue && BinaryPrimitives.ReadInt32LittleEndian(value.AsSpan(8)) == value.Length
            && value.AsSpan().SequenceEqual(Create((int)number, value.Length))
            ? Describe((int)number, value.Length)
            : null;
    }
}
