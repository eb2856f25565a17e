using System.Diagnostics;

namespace BorgStore.Diagnostics;

/// <summary>Counts calls, time and bytes by operation; thread-safe without a lock.</summary>
internal sealed class Meter
{
    private const int FieldsPerOperation = 3;
    private readonly long[] _fields = new long[Enum.GetValues<Operation>().Length * FieldsPerOperation];

    /// <summary>Starts a measurement.</summary>
    public static long Start() => Stopwatch.GetTimestamp();

    /// <summary>Counts a call that started at <paramref name="start"/> and ends now.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="start">The result of <see cref="Start"/>.</param>
    /// <param name="volume">The bytes transferred.</param>
    public void Add(Operation operation, long start, long volume = 0)
    {
        AddTime(operation, start, volume);
        AddCall(operation);
    }

    /// <summary>Counts a call without its time.</summary>
    /// <param name="operation">The operation.</param>
    public void AddCall(Operation operation) => Interlocked.Increment(ref _fields[(int)operation * FieldsPerOperation]);

    /// <summary>Adds time and bytes to a call that is already counted.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="start">The result of <see cref="Start"/>.</param>
    /// <param name="volume">The bytes transferred.</param>
    public void AddTime(Operation operation, long start, long volume = 0)
    {
        Interlocked.Add(ref _fields[((int)operation * FieldsPerOperation) + 1], Stopwatch.GetTimestamp() - start);
        if (volume != 0) Interlocked.Add(ref _fields[((int)operation * FieldsPerOperation) + 2], volume);
    }

    /// <summary>Returns the current counts of an operation.</summary>
    /// <param name="operation">The operation.</param>
    public OperationStatistics Read(Operation operation)
    {
        var first = (int)operation * FieldsPerOperation;
        return new(operation, Interlocked.Read(ref _fields[first]),
            Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _fields[first + 1])), Interlocked.Read(ref _fields[first + 2]));
    }

    /// <summary>Resets the counts.</summary>
    public void Reset()
    {
        for (var i = 0; i < _fields.Length; i++) Interlocked.Exchange(ref _fields[i], 0);
    }
}
