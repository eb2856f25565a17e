using System.Buffers;
using System.Text;

namespace BorgStore.Backends.Files;

/// <summary>A path as the system takes it: UTF-8 with a zero at its end, on the stack unless it is very long.</summary>
internal ref struct NativePath
{
    /// <summary>How many bytes the caller puts on its stack.</summary>
    public const int StackSize = 512;

    private readonly Span<byte> _bytes;
    private byte[]? _rented;

    public NativePath(ReadOnlySpan<byte> root, string name, Span<byte> buffer)
    {
        // The system would take what is before a NUL for the whole name.
        if (name.Contains('\0')) throw new FileFailure(StoreError.InvalidName, "the name holds a NUL");
        var most = root.Length + Encoding.UTF8.GetMaxByteCount(name.Length) + 1;
        _bytes = most <= buffer.Length ? buffer : (_rented = ArrayPool<byte>.Shared.Rent(most));
        root.CopyTo(_bytes);
        var end = root.Length + Encoding.UTF8.GetBytes(name, _bytes[root.Length..]);
        _bytes[end] = 0;
    }

    public readonly ref byte GetPinnableReference() => ref _bytes.GetPinnableReference();

    public void Dispose()
    {
        if (_rented is { } rented) ArrayPool<byte>.Shared.Return(rented);
        _rented = null;
    }
}
