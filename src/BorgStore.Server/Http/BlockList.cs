using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>Parses a JSON list of blocks, <c>[[name, offset, length], …]</c>, while it arrives. Only the blocks are kept in memory.</summary>
internal sealed class BlockList
{
    // A name has at most 100 characters, each of which may be escaped; numbers and white space between tokens are short.
    private const int MaxTokenSize = 4096;

    private readonly List<Block> _blocks = [];
    private readonly bool _allowNegativeOffsets;
    private readonly Action<string, bool> _admit;
    private JsonReaderState _state;
    private string _name = "";
    private long _offset;
    private long _length;

    private Expected _expected = Expected.List;

    private BlockList(bool allowNegativeOffsets, Action<string, bool> admit) => (_allowNegativeOffsets, _admit) = (allowNegativeOffsets, admit);

    /// <summary>Parses a list.</summary>
    /// <param name="body">The body of a request.</param>
    /// <param name="allowNegativeOffsets">Whether offsets may count from the end of the item.</param>
    /// <param name="admit">Called before each block is kept, with its name and whether that differs
    /// from the name of the previous block. May throw to reject the block.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> if the list is malformed or too long,
    /// <see cref="StoreError.InvalidName"/> if a name is invalid.</exception>
    public static async ValueTask<IReadOnlyList<Block>> ReadAsync(
        PipeReader body, bool allowNegativeOffsets, Action<string, bool> admit, CancellationToken cancellationToken)
    {
        var list = new BlockList(allowNegativeOffsets, admit);
        while (true)
        {
            var result = await body.ReadAsync(cancellationToken);
            var consumed = result.Buffer.End;
            try
            {
                var read = list.Read(result.Buffer, result.IsCompleted);
                if (result.IsCompleted) return list._blocks;
                if (result.Buffer.Slice(read).Length > MaxTokenSize) throw Malformed();
                consumed = read;
            }
            finally
            {
                // Even if the list is rejected, so that the rest of the body can be read and the connection stays open.
                body.AdvanceTo(consumed, result.Buffer.End);
            }
        }
    }

    private SequencePosition Read(ReadOnlySequence<byte> bytes, bool isLast)
    {
        var reader = new Utf8JsonReader(bytes, isLast, _state);
        try
        {
            while (reader.Read()) Take(ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw Malformed();
        }
        _state = reader.CurrentState;
        return reader.Position;
    }

    private void Take(ref Utf8JsonReader reader)
    {
        switch (_expected, reader.TokenType)
        {
            case (Expected.List or Expected.Block, JsonTokenType.StartArray):
                _expected++;
                break;
            // The reader itself rejects anything after the list.
            case (Expected.Block, JsonTokenType.EndArray):
                break;
            case (Expected.Name, JsonTokenType.String):
                // Consecutive blocks are often of one item, and then share its name.
                var isNewName = _name.Length == 0 || !reader.ValueTextEquals(_name);
                if (isNewName) _name = RequestTarget.CheckReadable(reader.GetString()!);
                _admit(_name, isNewName);
                _expected++;
                break;
            case (Expected.Offset, JsonTokenType.Number) when reader.TryGetInt64(out _offset) && (_offset >= 0 || _allowNegativeOffsets):
            case (Expected.Length, JsonTokenType.Number) when reader.TryGetInt64(out _length) && _length >= 0:
                _expected++;
                break;
            case (Expected.EndOfBlock, JsonTokenType.EndArray):
                Block.CheckCount(_blocks.Count + 1);
                _blocks.Add(new(_name, _offset, _length));
                _expected = Expected.Block;
                break;
            default:
                throw new FormatException();
        }
    }

    private static StoreException Malformed()
        => new(StoreError.InvalidArgument, "The body is no JSON of the form [[name, offset, size], ...].");

    private enum Expected
    {
        List,
        Block,
        Name,
        Offset,
        Length,
        EndOfBlock,
    }
}
