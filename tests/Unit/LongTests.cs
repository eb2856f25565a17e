namespace BorgStore.Tests;

/// <summary>Supports tests with a short form for every run and a long, thorough one.</summary>
internal static class LongTests
{
    public static bool Wanted { get; } = Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") == "1";

    public static T Choose<T>(T quick, T @long) => Wanted ? @long : quick;

    /// <summary>Skips a test that only runs in the long form.</summary>
    /// <param name="reason">What every run tests instead.</param>
    public static void Require(string reason) => Assert.SkipUnless(Wanted, $"{reason}; BORGSTORE_TEST_LONG=1 runs it.");
}
