using BenchmarkDotNet.Attributes;
using BorgStore.Hashing;

namespace BorgStore.Benchmarks;

/// <summary>Measures every algorithm on one thread, for small to large values.</summary>
[MemoryDiagnoser]
public class HashBenchmarks
{
    private byte[] _data = [];
    private byte[] _digest = [];
    private Hasher _hasher = null!;

    public static IEnumerable<HashKind> Kinds => HashKind.All;

    [ParamsSource(nameof(Kinds))]
    public HashKind Kind { get; set; } = HashKind.Sha256;

    [Params(4 << 10, 1 << 20, 64 << 20)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new byte[Size];
        new Random(1).NextBytes(_data);
        _digest = new byte[Kind.DigestSize];
        _hasher = Kind.CreateHasher();
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
