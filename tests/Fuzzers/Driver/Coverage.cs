using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>What the inputs have reached: how often each edge between two blocks of code was taken, in powers of two as AFL counts.</summary>
/// <remarks>Code that SharpFuzz has instrumented counts the edges of one input in a map of 64 KiB. There is one map for all threads.</remarks>
internal sealed unsafe class Coverage
{
    private const int Size = 1 << 16;

    private static readonly byte* Map = Allocate();
    private static readonly byte[] Buckets = [.. Enumerable.Range(0, 256).Select(count => (byte)(count switch
    {
        0 => 0, 1 => 1, 2 => 2, 3 => 4, < 8 => 8, < 16 => 16, < 32 => 32, < 128 => 64, _ => 128,
    }))];

    private readonly byte[] _seen = new byte[Size];

    /// <summary>The number of edges that were taken.</summary>
    public int Edges { get; private set; }

    /// <summary>Forgets what the last input has reached. The first call gives instrumented code its map, without which it cannot run.</summary>
    public static void Clear()
    {
        NativeMemory.Clear(Map, Size);
        Trace.PrevLocation = 0;
    }

    /// <summary>Returns whether the last input has taken a new edge, or an edge more often than any before.</summary>
    public bool HasNew()
    {
        var words = (ulong*)Map;
        for (var i = 0; i < Size / sizeof(ulong); i++)
        {
            if (words[i] == 0) continue;
            for (var at = i * sizeof(ulong); at < (i + 1) * sizeof(ulong); at++)
                if ((Buckets[Map[at]] & ~_seen[at]) != 0) return true;
        }
        return false;
    }

    /// <summary>Adds what the last input has reached.</summary>
    /// <returns>The number of new edges.</returns>
    public int Add()
    {
        var before = Edges;
        for (var at = 0; at < Size; at++)
        {
            if (Map[at] == 0) continue;
            if (_seen[at] == 0) Edges++;
            _seen[at] |= Buckets[Map[at]];
        }
        return Edges - before;
    }

    private static byte* Allocate() => Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(Size);
}
