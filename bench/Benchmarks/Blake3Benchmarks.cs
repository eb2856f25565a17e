using BenchmarkDotNet.Attributes;
using BorgStore.Hashing;

namespace BorgStore.Benchmarks;

/// <summary>Compares the implementations of BLAKE3 that this processor supports, and the scaling with threads.</summary>
[MemoryDiagnoser]
public class Blake3Benchmarks
{
    private byte[] _data = [];
    private byte[] _digest = [];
    private Hasher _hasher = null!;

    public static IEnumerable<string> Ways =>
        [.. Enum.GetValues<Blake3Path>().Where(Blake3.IsSupported).Select(path => path.ToString()), "AllThreads"];

    [ParamsSource(nameof(Ways))]
    public string Way { get; set; } = "";

    [Params(4 << 10, 1 << 20, 64 << 20)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new byte[Size];
        new Random(1).NextBytes(_data);
        _digest = new byte[HashKind.Blake3.DigestSize];
        _hasher = Enum.TryParse<Blake3Path>(Way, out var path)
            ? new Blake3Hasher(HashKind.Blake3, path, maxDegree: 1)
            : new Blake3Hasher(HashKind.Blake3, Environment.ProcessorCount);
    }

    [GlobalCleanup]
    public void Cleanup() => _hasher.Dispose();

    [Benchmark]
    public void Hash()
    {
        _hasher.Append(_data);
        _hasher.Finish(_digest);
    }
}
