using System.Text;

namespace BorgStore.Tests.Answers;

/// <summary>Feeds parsers almost valid texts and noise.</summary>
internal static class Fuzz
{
    /// <summary>Calls a parser with many texts, the same for the same seed, and checks that memory stays flat.</summary>
    /// <param name="count">The number of texts.</param>
    /// <param name="right">Texts that the parser accepts.</param>
    /// <param name="take">Calls the parser; any exception is a failure.</param>
    public static void Texts(int count, string[] right, Action<string> take)
    {
        var before = HeldMemory.Measure();
        Parallel.For(0, count, seed =>
        {
            var random = new Random(seed);
            var bytes = random.Next(10) == 0 ? Noise(random, 40) : Mutation.Of(Encoding.UTF8.GetBytes(right[random.Next(right.Length)]), random);
            var text = random.Next(2) == 0 ? Encoding.UTF8.GetString(bytes) : Encoding.Latin1.GetString(bytes);
            try
            {
                take(text);
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}, '{text}': {e}");
            }
        });
        HeldMemory.AssertReleased(before, 50 << 20);
    }

    /// <summary>Returns whether a parser rejects something with a reason.</summary>
    public static bool IsRefused(Action parse)
    {
        try
        {
            parse();
            return false;
        }
        catch (StoreException e)
        {
            Assert.NotEmpty(e.Message);
            return true;
        }
    }

    /// <summary>Returns random bytes up to a maximum length.</summary>
    public static byte[] Noise(Random random, int longest)
    {
        var noise = new byte[random.Next(longest)];
        random.NextBytes(noise);
        return noise;
    }
}
