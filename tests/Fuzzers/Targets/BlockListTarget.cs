using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Naming;
using BorgStore.Server.Http;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The JSON of a defragmentation or a gathering: the same blocks in whatever pieces it arrives, and as another parser reads them.</summary>
internal sealed class BlockListTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens => ["[", "]", "[[", "]]", ",", "\"", "\"data/a\"", "\"data/b\"", "\\u002f", "\\/", "\\ud800", "-", "0", "10", "1e3", "1.0", "null", "true", "{", "}", "\"data\\u002fa\"", " ", "\n", "..", "/./"];

    public void Run(byte[] input)
    {
        foreach (var allowNegative in new[] { false, true })
        {
            var whole = Read(input, input.Length, allowNegative);
            foreach (var size in new[] { 1, 5 })
            {
                var pieces = Read(input, size, allowNegative);
                Check.That(whole is null ? pieces is null : pieces is not null && whole.SequenceEqual(pieces), () => $"A list in pieces of {size} bytes is another one.");
            }
            var other = ReadSimply(input, allowNegative);
            Check.That(whole is null ? other is null : other is not null && whole.SequenceEqual(other), () => $"Another parser reads {(other is null ? "no list" : string.Join(", ", other))}, instead of {(whole is null ? "no list" : string.Join(", ", whole))}.");
            if (whole is null) continue;
            Check.That(whole.All(block => ItemName.IsReadable(block.Name) && block.Length >= 0 && (allowNegative || block.Offset >= 0)), () => "A block is not valid.");
            Check.That(whole.SequenceEqual(Read(RestJson.Write(whole), int.MaxValue, allowNegative) ?? []), () => "A list that the client writes is another one.");
        }
    }

    private static IReadOnlyList<Block>? Read(byte[] json, int size, bool allowNegative)
    {
        IReadOnlyList<Block>? blocks = null;
        var admitted = new List<string>();
        Check.IsRefused(() => blocks = BlockList.ReadAsync(new PieceReader(json, Math.Max(1, size)), allowNegative, (name, _) => admitted.Add(name), default).AsTask().GetAwaiter().GetResult());
        Check.That(blocks is null || admitted.SequenceEqual(blocks.Select(block => block.Name)), () => "A block was not admitted.");
        return blocks;
    }

    private static List<Block>? ReadSimply(byte[] json, bool allowNegative)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var blocks = new List<Block>();
            foreach (var entry in document.RootElement.EnumerateArray())
            {
                if (entry.GetArrayLength() != 3) return null;
                var block = new Block(entry[0].GetString()!, entry[1].GetInt64(), entry[2].GetInt64());
                if (block.Name is null || block.Length < 0 || (block.Offset < 0 && !allowNegative) || Check.IsRefused(() => RequestTarget.CheckReadable(block.Name))) return null;
                blocks.Add(block);
            }
            return blocks;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Gives its bytes in pieces.</summary>
    private sealed class PieceReader(byte[] bytes, int size) : PipeReader
    {
        private int _start;
        private int _end;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            _end = (int)Math.Min((long)_end + size, bytes.Length);
            return new(new ReadResult(new ReadOnlySequence<byte>(bytes, _start, _end - _start), isCanceled: false, isCompleted: _end == bytes.Length));
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _start = consumed.GetInteger();

        public override void CancelPendingRead() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();
    }
}
