using System.Buffers;
using System.Text;

namespace BorgStore.Backends.Files.Linux;

/// <summary>A path in the form of system calls: UTF-8 with a terminating NUL, on the stack unless it is very long.</summary>
internal ref struct NativePath
{
    /// <summary>The size of the buffer that callers allocate on the stack [bytes].</summary>
    public const int StackSize = 512;

    private readonly Span<byte> _bytes;
    private byte[]? _rented;

    public NativePath(ReadOnlySpan<byte> root, string name, Span<byte> buffer)
    {
        // The system would read the name only up to the NUL.
        if (name.Contains('\0')) throw new StoreException(StoreError.InvalidName, "the name contains a NUL character");
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
