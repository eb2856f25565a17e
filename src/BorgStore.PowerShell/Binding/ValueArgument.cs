using System.Buffers;
using System.Collections;
using System.Management.Automation;
using System.Text;
using BorgStore.Backends;
using BorgStore.PowerShell.Files;

namespace BorgStore.PowerShell.Binding;

/// <summary>Reads the values that <c>-Value</c> accepts: bytes, a string or a stream.</summary>
internal static class ValueArgument
{
    /// <summary>The maximum number of bytes buffered in memory for a value of unknown length.</summary>
    public const int GatherLimit = 256 * 1024 * 1024;

    // Shorter streams are read into memory to their end, where a wrong length does no harm.
    private const int StreamingThreshold = 64 * 1024;

    public static object? Unwrap(object? value)
        => value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;

    /// <summary>Reads a value.</summary>
    public static StoreValue Read(object? value, Encoding encoding, string name) => Unwrap(value) switch
    {
        byte[] bytes => new(bytes.AsMemory()),
        ReadOnlyMemory<byte> bytes => new(bytes),
        Memory<byte> bytes => new(bytes),
        string text => new(Encode(text, encoding)),
        Stream stream => Read(stream, name),
        var other => throw new StoreException(StoreError.InvalidArgument,
            $"'{name}' was not stored: a value must be byte[], a string or a Stream; this is {(other is null ? "$null" : ArgumentErrors.Describe(other))}. {Suggest(other)}", name),
    };

    public static byte[] Encode(string text, Encoding encoding) => [.. encoding.GetPreamble(), .. encoding.GetBytes(text)];

    /// <summary>Returns a stream as a value: everything from its current position, whatever length it announces.</summary>
    /// <exception cref="StoreException">The stream cannot be read, or is too large to buffer and announced no length.</exception>
    public static StoreValue Read(Stream stream, string name)
    {
        CheckReadable(stream, name);
        var length = FindLength(stream);
        return length > StreamingThreshold ? new(new LengthCheckedStream(stream, length, name), length) : new(ReadToEnd(stream, length, name));
    }

    public static void CheckReadable(Stream stream, string name)
    {
        if (!stream.CanRead)
            throw new StoreException(StoreError.InvalidArgument, $"'{name}' was not stored: its stream is closed or cannot be read.", name);
    }

    /// <summary>Reads a stream into memory, from its current position to its end.</summary>
    /// <exception cref="StoreException">The stream holds more than <see cref="GatherLimit"/> bytes.</exception>
    public static ReadOnlyMemory<byte> ReadToEnd(Stream stream, long announced, string name)
    {
        // One byte more, to find the end without growing the buffer.
        using var memory = new MemoryStream((int)Math.Min(announced + 1, GatherLimit));
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(Math.Max(announced + 1, StreamingThreshold), 128 * 1024));
        try
        {
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                if (memory.Length + read > GatherLimit) throw TooLong(name);
                memory.Write(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return memory.GetBuffer().AsMemory(0, (int)memory.Length);
    }

    // Returns how many bytes the stream claims to have left. Special files claim none, or a wrong number.
    private static long FindLength(Stream stream)
    {
        try
        {
            return Math.Max(0, stream.CanSeek ? stream.Length - stream.Position : stream.Length);
        }
        catch (NotSupportedException)
        {
            return 0;
        }
    }

    internal static StoreException TooLong(string name) => new(StoreError.InvalidArgument,
        $"'{name}' was not stored: more than {GatherLimit >> 20} MiB were piped in pieces. Write them to a file and specify it with -Path, or pipe a Stream of known length.",
        name);

    private static string Suggest(object? value) => value switch
    {
        null => "Check where it comes from: a variable may be misspelt, or a command may have found nothing. For an empty value give ''.",
        FileSystemInfo => "Specify a file with -Path, or pipe it.",
        object[] and [var line, ..] when Unwrap(line) is string =>
            "Read a file as one string, as in -Value (Get-Content file -Raw), or specify it with -Path; join other lines: ($lines -join \"`n\").",
        object[] and [var single, ..] when Unwrap(single) is byte => "Cast it: [byte[]] $value.",
        IConvertible => "Convert it to a string (\"$value\") or to bytes first.",
        IDictionary or PSObject => "Convert it to a string first, as with ConvertTo-Json; or pipe objects that have the properties Name and Value.",
        _ => "Convert it to a string first, as with ConvertTo-Json, or to bytes.",
    };
}
