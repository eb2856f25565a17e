using System.Numerics;

namespace BorgStore.Backends.Gathering;

/// <summary>The memory that the windows of all gathering streams of this process share. Readers may be slow and many, as those of a
/// server are; the more of them there are, the smaller are the windows of the next.</summary>
internal static class WindowBudget
{
    /// <summary>The bytes that all windows together should have.</summary>
    public const long Total = 128 << 20;

    /// <summary>The smallest window [bytes]; a stream gets it even where the budget is spent.</summary>
    public const int SmallestWindow = 64 << 10;

    // A new stream takes at most one part in so many of what is left.
    private const int Part = 8;

    private static long _taken;

    /// <summary>Takes the two windows of a new stream.</summary>
    /// <param name="wanted">The size of a window that the storage serves best [bytes].</param>
    public static Share Take(int wanted)
    {
        var fair = Math.Max(SmallestWindow, (Total - Volatile.Read(ref _taken)) / Part);
        // Buffers are pooled by powers of two.
        var size = wanted <= fair ? wanted : (int)(1L << BitOperations.Log2((ulong)fair));
        Interlocked.Add(ref _taken, 2L * size);
        return new(size);
    }

    /// <summary>The windows of one stream.</summary>
    /// <param name="WindowSize">The size of each of the two [bytes].</param>
    public readonly record struct Share(int WindowSize)
    {
        /// <summary>Gives them back; to be called once.</summary>
        public void Return() => Interlocked.Add(ref _taken, -2L * WindowSize);
    }
}
