namespace BorgStore.Tests;

/// <summary>Measures the managed memory of the process.</summary>
internal static class HeldMemory
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Returns the memory in use [bytes].</summary>
    public static long Measure() => GC.GetTotalMemory(forceFullCollection: true);

    /// <summary>Asserts that a test's memory was released. Waits a while, because tests running at the same time may hold some.</summary>
    /// <param name="before">The memory in use before the test [bytes].</param>
    /// <param name="most">The maximum increase [bytes].</param>
    public static void AssertReleased(long before, long most)
    {
        var end = DateTime.UtcNow + Patience;
        long more;
        while ((more = Measure() - before) > most && DateTime.UtcNow < end) Thread.Sleep(500);
        Assert.InRange(more, long.MinValue, most);
    }
}
