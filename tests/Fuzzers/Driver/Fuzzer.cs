using System.Diagnostics;

namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>Runs a target with one input after another, made of those that reached something new.</summary>
/// <param name="target">The target.</param>
/// <param name="seeds">The inputs to begin with.</param>
/// <param name="seed">The seed of all choices.</param>
/// <param name="report">Called with each input that shows a new fault, and the fault.</param>
internal sealed class Fuzzer(IFuzzTarget target, IEnumerable<byte[]> seeds, int seed, Action<byte[], Exception> report)
{
    // An input has a few kilobytes, and nothing that is read needs more than some hundred times that.
    private const long MaxAllocated = 64 << 20;
    private const int MaxSmallerTries = 2000;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(30);

    private readonly Random _random = new(seed);
    private readonly Coverage _coverage = new();
    private readonly List<byte[]> _corpus = [];
    private readonly List<byte[]> _added = [];
    private readonly HashSet<string> _faults = [];
    private byte[] _current = [];
    private byte[]? _stuck;

    /// <summary>The number of inputs.</summary>
    public long Inputs { get; private set; }

    /// <summary>The number of edges between blocks of code that were taken.</summary>
    public int Edges => _coverage.Edges;

    /// <summary>The number of edges that the seeds took.</summary>
    public int EdgesOfSeeds { get; private set; }

    /// <summary>The number of inputs that reached something new.</summary>
    public int Kept => _corpus.Count;

    /// <summary>The inputs that took a new edge, other than the seeds.</summary>
    public IReadOnlyList<byte[]> Added => _added;

    /// <summary>The number of different faults.</summary>
    public int Faults => _faults.Count;

    /// <summary>Runs until there were enough inputs or the time is over.</summary>
    /// <param name="inputs">The number of inputs.</param>
    /// <param name="time">The time.</param>
    public void Run(long inputs, TimeSpan time)
    {
        using var watch = new Timer(EndIfStuck, null, MaxTime, MaxTime);
        var start = Stopwatch.GetTimestamp();
        foreach (var input in seeds) Try(input, isSeed: true);
        if (_corpus.Count == 0) _corpus.Add([]);
        EdgesOfSeeds = Edges;
        var mutator = new Mutator(_random, target.Tokens);
        while (Inputs < inputs && Stopwatch.GetElapsedTime(start) < time)
            for (var i = 0; i < 16; i++) Try(mutator.Mutate(Choose(), _corpus[_random.Next(_corpus.Count)]), isSeed: false);
    }

    // New inputs are close to what is not reached yet.
    private byte[] Choose() => _corpus[_random.Next(3) == 0 ? Math.Max(0, _corpus.Count - 1 - _random.Next(16)) : _random.Next(_corpus.Count)];

    private void Try(byte[] input, bool isSeed)
    {
        if (Execute(input) is { } fault)
        {
            if (_faults.Add(Describe(fault))) report(Reduce(input, Describe(fault)), fault);
            return;
        }
        if (!_coverage.HasNew() && !isSeed) return;
        // Edges that another thread took, or that only a first call takes, are not taken by the second try.
        if (Execute(input) is not null || (!_coverage.HasNew() && !isSeed)) return;
        if (_coverage.Add() > 0 && !isSeed) _added.Add(input);
        _corpus.Add(input);
    }

    private Exception? Execute(byte[] input)
    {
        Volatile.Write(ref _current, input);
        Inputs++;
        Coverage.Clear();
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            target.Run(input);
        }
        catch (Exception e)
        {
            return e;
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated > MaxAllocated ? new FaultException($"An input of {input.Length} bytes allocates {allocated}.") : null;
    }

    // The same fault with less input.
    private byte[] Reduce(byte[] input, string fault)
    {
        var left = MaxSmallerTries;
        for (var size = input.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= input.Length && left-- > 0;)
            {
                byte[] smaller = [.. input.AsSpan(0, at), .. input.AsSpan(at + size)];
                if (Execute(smaller) is { } same && Describe(same) == fault) input = smaller;
                else at += size;
            }
        }
        return input;
    }

    // The same place is the same fault, whatever values its message names.
    private static string Describe(Exception fault)
    {
        var frames = (fault.StackTrace ?? "").Split('\n').Where(line => line.Contains("BorgStore.", StringComparison.Ordinal) && !line.Contains(".Driver.", StringComparison.Ordinal));
        return $"{fault.GetType().Name} {frames.FirstOrDefault()}";
    }

    private void EndIfStuck(object? _)
    {
        var current = Volatile.Read(ref _current);
        if (!ReferenceEquals(current, _stuck))
        {
            _stuck = current;
            return;
        }
        Console.Error.WriteLine($"An input does not end:\n{InputFile.Format(current)}");
        Environment.Exit(3);
    }
}
