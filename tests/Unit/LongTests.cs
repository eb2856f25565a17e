namespace BorgStore.Tests;

/// <summary>Some tests have a short form for every run, and a long one that shows what the short one promises.</summary>
internal static class LongTests
{
    public static bool Wanted { get; } = Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") == "1";

    public static T Choose<T>(T quick, T @long) => Wanted ? @long : quick;

    /// <summary>Skips a test that only a long run has.</summary>
    /// <param name="reason">What every run has in its place.</param>
    public static void Require(string reason) => Assert.SkipUnless(Wanted, $"{reason}; BORGSTORE_TEST_LONG=1 runs it.");
}
