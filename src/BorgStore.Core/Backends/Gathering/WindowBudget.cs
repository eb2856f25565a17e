using System.Numerics;

namespace BorgStore.Backends.Gathering;

/// <summary>The memory shared by the windows of all gathering streams in this process. Readers may be slow
/// and many, as in a server: the more there are, the smaller are the windows of the next one.</summary>
internal static class WindowBudget
{
    /// <summary>The target for all windows together [bytes].</summary>
    public const long Total = 128 << 20;

    /// <summary>The smallest window [bytes]; a stream gets it even if the budget is used up.</summary>
    public const int MinWindowSize = 64 << 10;

    // A new stream takes at most this fraction of the remaining budget.
    private const int Part = 8;

    private static long _taken;

    /// <summary>Takes the memory for the two windows of a new stream.</summary>
    /// <param name="wanted">The window size that suits the storage best [bytes].</param>
    public static Lease Take(int wanted)
    {
        var fair = Math.Max(MinWindowSize, (Total - Volatile.Read(ref _taken)) / Part);
        // Pooled buffers have sizes that are powers of two.
        var size = wanted <= fair ? wanted : (int)(1L << BitOperations.Log2((ulong)fair));
        Interlocked.Add(ref _taken, 2L * size);
        return new(size);
    }

    /// <summary>The windows of one stream.</summary>
    /// <param name="WindowSize">The size of each of the two [bytes].</param>
    public readonly record struct Lease(int WindowSize)
    {
        /// <summary>Returns the memory; must be called once.</summary>
        public void Return() => Interlocked.Add(ref _taken, -2L * WindowSize);
    }
}
