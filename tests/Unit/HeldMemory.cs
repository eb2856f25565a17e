namespace BorgStore.Tests;

/// <summary>The managed memory that the process holds.</summary>
internal static class HeldMemory
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Returns how much is in use [bytes].</summary>
    public static long Measure() => GC.GetTotalMemory(forceFullCollection: true);

    /// <summary>Checks that what a test held is released. Tests that run at the same time may hold some for a while; what leaks stays.</summary>
    /// <param name="before">What was in use before the test [bytes].</param>
    /// <param name="most">How much more may be in use [bytes].</param>
    public static void AssertReleased(long before, long most)
    {
        var end = DateTime.UtcNow + Patience;
        long more;
        while ((more = Measure() - before) > most && DateTime.UtcNow < end) Thread.Sleep(500);
        Assert.InRange(more, long.MinValue, most);
    }
}
