using System.Globalization;
using System.Numerics;
using BorgStore.Backends.Files.Quota;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The file with the count of a quota: a number that everything else reads too, or none, so that the values are counted again.</summary>
internal sealed class QuotaTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens => ["+", "-", " ", "\n", "x", "0000", "\0"];

    public void Run(byte[] input)
    {
        var number = FileQuota.Parse(input);
        var isNumber = input.Length is > 0 and <= 20 && Array.TrueForAll(input, digit => char.IsAsciiDigit((char)digit));
        var expected = isNumber ? BigInteger.Parse(Check.Texts(input).First(), NumberStyles.None, CultureInfo.InvariantCulture) : -1;
        Check.Equal(isNumber && expected <= long.MaxValue ? (long?)expected : null, number, "the count");
    }
}
