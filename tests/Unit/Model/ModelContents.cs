using BorgStore.Backends;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>A value that an operation may have stored: a written one, or one made of pieces of another.</summary>
/// <param name="value">The value that was written.</param>
/// <param name="pieces">The pieces of it; none for all of it.</param>
internal sealed class ModelContent(ModelValue value, IReadOnlyList<Block> pieces)
{
    // Larger values are computed again when they are needed.
    private const int MostKept = 80_000;

    private readonly Dictionary<ByteRange, string> _prints = [];
    private byte[]? _bytes;

    public long Size { get; } = pieces.Count == 0 ? value.Size : pieces.Sum(piece => piece.Length);

    /// <summary>Returns the fingerprint of a part.</summary>
    public string PrintOf(ByteRange range)
    {
        if (_prints.TryGetValue(range, out var print)) return print;
        var bytes = _bytes ?? ToBytes();
        if (bytes.Length <= MostKept) _bytes = bytes;
        var (start, count) = range.Resolve(bytes.Length);
        return _prints[range] = ModelValue.PrintOf(bytes.AsSpan((int)start, (int)count));
    }

    public override string ToString() => pieces.Count == 0 ? $"{value}" : $"{Size} bytes of {value}";

    private byte[] ToBytes()
    {
        var bytes = value.ToBytes();
        return pieces.Count == 0 ? bytes : [.. pieces.SelectMany(piece => bytes.AsSpan((int)piece.Offset, (int)piece.Length).ToArray())];
    }
}

/// <summary>The contents that may occur in a group, by numbers. 0 is none.</summary>
internal sealed class ModelContents
{
    private readonly List<ModelContent?> _contents = [null];
    private readonly Dictionary<string, int> _numbers = [];

    public ModelContent this[int number] => _contents[number]!;

    public int Add(ModelContent content)
    {
        var print = content.PrintOf(ByteRange.Whole);
        if (_numbers.TryGetValue(print, out var number)) return number;
        _contents.Add(content);
        return _numbers[print] = _contents.Count - 1;
    }

    public bool Has(string print) => _numbers.ContainsKey(print);

    public string Describe(int number) => number == 0 ? "-" : $"{_contents[number]}";
}
