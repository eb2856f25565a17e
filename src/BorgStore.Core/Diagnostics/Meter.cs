using System.Diagnostics;

namespace BorgStore.Diagnostics;

/// <summary>Counts calls, time and bytes by operation, from many threads at once and without a lock.</summary>
internal sealed class Meter
{
    private const int FieldsPerOperation = 3;
    private readonly long[] _fields = new long[Enum.GetValues<Operation>().Length * FieldsPerOperation];

    /// <summary>The beginning of a measurement.</summary>
    public static long Start() => Stopwatch.GetTimestamp();

    /// <summary>Counts a call that began at <paramref name="start"/> and ends now.</summary>
    /// <param name="operation">What was done.</param>
    /// <param name="start">What <see cref="Start"/> gave.</param>
    /// <param name="volume">The bytes that were moved.</param>
    public void Add(Operation operation, long start, long volume = 0)
    {
        AddTime(operation, start, volume);
        AddCall(operation);
    }

    /// <summary>Counts a call without its time.</summary>
    /// <param name="operation">What was begun.</param>
    public void AddCall(Operation operation) => Interlocked.Increment(ref _fields[(int)operation * FieldsPerOperation]);

    /// <summary>Adds time and bytes to a call that is counted already.</summary>
    /// <param name="operation">What was done.</param>
    /// <param name="start">What <see cref="Start"/> gave.</param>
    /// <param name="volume">The bytes that were moved.</param>
    public void AddTime(Operation operation, long start, long volume = 0)
    {
        Interlocked.Add(ref _fields[((int)operation * FieldsPerOperation) + 1], Stopwatch.GetTimestamp() - start);
        if (volume != 0) Interlocked.Add(ref _fields[((int)operation * FieldsPerOperation) + 2], volume);
    }

    /// <summary>What was counted so far.</summary>
    /// <param name="operation">For which operation.</param>
    public OperationStatistics Read(Operation operation)
    {
        var first = (int)operation * FieldsPerOperation;
        return new(operation, Interlocked.Read(ref _fields[first]),
            Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _fields[first + 1])), Interlocked.Read(ref _fields[first + 2]));
    }

    /// <summary>Begins anew.</summary>
    public void Reset()
    {
        for (var i = 0; i < _fields.Length; i++) Interlocked.Exchange(ref _fields[i], 0);
    }
}
