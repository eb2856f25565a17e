using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace BorgStore.Backends.Sftp.Packets;

/// <summary>Packets on their way out, one after the other in one piece of memory. Not for use by several threads.</summary>
internal sealed class PacketWriter : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _packetStart;

    /// <summary>How many bytes there are.</summary>
    public int Length { get; private set; }

    /// <summary>All the bytes.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Begins a packet.</summary>
    public void Begin(PacketType type)
    {
        _packetStart = Length;
        Reserve(sizeof(uint) + 1)[sizeof(uint)] = (byte)type;
    }

    /// <summary>Ends a packet: its length is known now.</summary>
    public void End()
        => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_packetStart), Length - _packetStart - sizeof(uint));

    /// <summary>Forgets all packets.</summary>
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

    /// <summary>Gives the memory back.</summary>
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
