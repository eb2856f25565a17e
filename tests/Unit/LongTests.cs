namespace BorgStore.Tests;

/// <summary>Some tests have a short form for every run, and a long one that shows what the short one promises.</summary>
internal static class LongTests
{
    public static bool Wanted { get; } = Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") == "1";

    public static T Choose<T>(T quick, T @long) => Wanted ? @long : quick;
}
