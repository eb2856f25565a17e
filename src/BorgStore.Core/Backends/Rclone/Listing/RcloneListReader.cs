using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Backends.Rclone.Listing;

/// <summary>Reads the response to <c>operations/list</c> incrementally, because it may be of any length.</summary>
internal sealed class RcloneListReader
{
    private const int BufferSize = 64 * 1024;
    private const int MaxTokenSize = 1 << 20;
    private const int MaxItems = 10_000_000;

    // The properties of an item, in an array that is a property of the response.
    private const int ItemDepth = 2;

    private readonly List<ItemInfo> _items = [];
    private JsonReaderState _state;
    private Property _property;
    private string _path = "";
    private long _size;
    private bool _isDirectory;
    private bool _isList;
    private int _count;
    private DateTime? _lastWriteTime;

    private RcloneListReader()
    {
    }

    private enum Property
    {
        Other,
        List,
        Path,
        Size,
        IsDirectory,
        LastWriteTime,
    }

    /// <summary>Reads the listed items in their original order; names are paths below the root of the remote.</summary>
    /// <param name="answer">The response.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async IAsyncEnumerable<ItemInfo> ReadAsync(
        RcloneResponse answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = new RcloneListReader();
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int length = 0, read = -1; read != 0;)
            {
                if (length == buffer.Length) Grow(ref buffer, length);
                read = await answer.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                length += read;
                var parsed = reader.Parse(buffer.AsSpan(0, length), isLast: read == 0);
                buffer.AsSpan(parsed, length - parsed).CopyTo(buffer);
                length -= parsed;
                foreach (var item in reader._items) yield return item;
                reader._items.Clear();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // No single token of a list is that long.
    private static void Grow(ref byte[] buffer, int length)
    {
        if (length >= MaxTokenSize) throw RcloneFailure.InvalidResponse("its list contains a name that is too long");
        var larger = ArrayPool<byte>.Shared.Rent(2 * length);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    // Returns the number of bytes consumed.
    private int Parse(ReadOnlySpan<byte> json, bool isLast)
    {
        try
        {
            var reader = new Utf8JsonReader(json, isLast, _state);
            while (reader.Read()) Take(ref reader);
            _state = reader.CurrentState;
            if (isLast && !_isList) throw RcloneFailure.InvalidResponse("it is not a list");
            return (int)reader.BytesConsumed;
        }
        // A number may not fit into 64 bits, and a name may not be valid text.
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw RcloneFailure.InvalidResponse("its list cannot be parsed", e);
        }
    }

    private void Take(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartArray or JsonTokenType.Null when reader.CurrentDepth == ItemDepth - 1 && _property == Property.List:
                _isList = true;
                break;
            case JsonTokenType.StartObject when reader.CurrentDepth == ItemDepth:
                (_path, _size, _isDirectory, _lastWriteTime) = ("", 0, false, null);
                break;
            case JsonTokenType.EndObject when reader.CurrentDepth == ItemDepth:
                if (++_count > MaxItems) throw RcloneFailure.InvalidResponse($"its list has more than {MaxItems} items");
                // Directories and items of unknown size have negative sizes.
                _items.Add(new ItemInfo(_path, _isDirectory ? 0 : Math.Max(0, _size), _isDirectory, LastWriteTime: _lastWriteTime));
                break;
            case JsonTokenType.PropertyName:
                _property = reader.CurrentDepth == ItemDepth + 1 ? ParseProperty(reader)
                    : reader.CurrentDepth == ItemDepth - 1 && reader.ValueTextEquals("list"u8) ? Property.List
                    : Property.Other;
                break;
            case JsonTokenType.String when _property == Property.Path:
                _path = reader.GetString()!;
                break;
            case JsonTokenType.String when _property == Property.LastWriteTime:
                _lastWriteTime = reader.TryGetDateTimeOffset(out var time) ? time.UtcDateTime : null;
                break;
            case JsonTokenType.Number when _property == Property.Size:
                _size = reader.GetInt64();
                break;
            case JsonTokenType.True when _property == Property.IsDirectory:
                _isDirectory = true;
                break;
        }
    }

    private static Property ParseProperty(Utf8JsonReader reader)
        => reader.ValueTextEquals("Path"u8) ? Property.Path
            : reader.ValueTextEquals("Size"u8) ? Property.Size
            : reader.ValueTextEquals("IsDir"u8) ? Property.IsDirectory
            : reader.ValueTextEquals("ModTime"u8) ? Property.LastWriteTime
            : Property.Other;
}
