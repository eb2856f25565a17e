using System.Text;

namespace BorgStore.PowerShell.Binding;

/// <summary>A value that is piped in pieces: single bytes, or lines of text.</summary>
internal sealed class GatheredValue(string name, Encoding encoding)
{
    private readonly MemoryStream _bytes = new();
    private StringBuilder? _lines;

    private bool IsEmpty => _bytes.Length == 0 && _lines is null;

    /// <summary>Adds a piece.</summary>
    /// <returns>Whether it was a piece; a complete value is not.</returns>
    public bool TryAdd(object? piece)
    {
        switch (ValueArgument.Unwrap(piece))
        {
            case byte single when _lines is null:
                _bytes.WriteByte(single);
                break;
            case string line when _bytes.Length == 0:
                if (_lines is null) _lines = new(line);
                else _lines.Append('\n').Append(line);
                break;
            default:
                return IsEmpty ? false : throw Second(name);
        }
        if (_bytes.Length > ValueArgument.GatherLimit || _lines?.Length > ValueArgument.GatherLimit) throw ValueArgument.TooLong(name);
        return true;
    }

    /// <summary>Returns the value, or null if there were no pieces.</summary>
    public byte[]? Finish()
        => IsEmpty ? null : _lines is null ? _bytes.ToArray() : ValueArgument.Encode(_lines.ToString(), encoding);

    public static StoreException Second(string name) => new(StoreError.InvalidArgument,
        $"A second value was given for '{name}', but an item has only one. Give each value its own name: pipe objects with the properties Name and Value, or files with -Namespace.",
        name);
}
