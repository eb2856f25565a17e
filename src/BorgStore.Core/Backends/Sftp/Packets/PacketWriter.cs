using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace BorgStore.Backends.Sftp.Packets;

/// <summary>Writes packets into one buffer. Not thread-safe.</summary>
internal sealed class PacketWriter : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _packetStart;

    /// <summary>The number of bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes written.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Starts a packet.</summary>
    public void Begin(PacketType type)
    {
        _packetStart = Length;
        Reserve(sizeof(uint) + 1)[sizeof(uint)] = (byte)type;
    }

    /// <summary>Ends a packet and writes its length.</summary>
    public void End()
        => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_packetStart), Length - _packetStart - sizeof(uint));

    /// <summary>Removes all packets.</summary>
    public void Clear() => Length = 0;

    public void Write(uint number) => BinaryPrimitives.WriteUInt32BigEndian(Reserve(sizeof(uint)), number);

    public void Write(long number) => BinaryPrimitives.WriteInt64BigEndian(Reserve(sizeof(long)), number);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Write((uint)bytes.Length);
        bytes.CopyTo(Reserve(bytes.Length));
    }

    public void Write(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Write((uint)length);
        Encoding.UTF8.GetBytes(text, Reserve(length));
    }

    /// <summary>Returns the buffer to the pool.</summary>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        Length = 0;
    }

    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _bytes.Length, Length + count));
            _bytes.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }
}
