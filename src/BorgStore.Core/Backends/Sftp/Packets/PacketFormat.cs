using System.Buffers.Binary;
using System.Buffers;
using System.Text;

namespace BorgStore.Backends.Sftp.Packets;

/// <summary>The types of packets of SFTP version 3 (draft-ietf-secsh-filexfer-02).</summary>
internal enum PacketType : byte
{
    Init = 1,
    Version = 2,
    Open = 3,
    Close = 4,
    Read = 5,
    Write = 6,
    LinkStat = 7,
    HandleStat = 8,
    OpenDirectory = 11,
    ReadDirectory = 12,
    Remove = 13,
    MakeDirectory = 14,
    RemoveDirectory = 15,
    Stat = 17,
    Rename = 18,
    ReadLink = 19,
    Status = 101,
    Handle = 102,
    Data = 103,
    Name = 104,
    Attributes = 105,
    Extended = 200,
    ExtendedReply = 201,
}

/// <summary>The result of a request (draft-ietf-secsh-filexfer-02, section 7). Newer servers send other numbers too.</summary>
internal enum StatusCode : uint
{
    Ok = 0,
    EndOfFile = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    NoConnection = 6,
    ConnectionLost = 7,
    Unsupported = 8,

    // From later drafts; ProFTPD and others also send them to clients of version 3.
    WriteProtected = 12,
    NoSpace = 14,
    QuotaExceeded = 15,
}

/// <summary>Writes packets into one buffer. Not thread-safe.</summary>
internal sealed class PacketWriter : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _packetStart;

    /// <summary>The number of bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes written.</summary>
    public ArraySegment<byte> Written => new(_bytes, 0, Length);

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

/// <summary>Parses a packet from the server, without trusting any length in it.</summary>
/// <param name="packet">The rest of the packet.</param>
internal ref struct PacketReader(ReadOnlySpan<byte> packet)
{
    /// <summary>The rest of the packet.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = packet;

    public readonly bool IsEmpty => Rest.IsEmpty;

    public byte ReadByte() => Take(1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(sizeof(uint)));

    public long ReadInt64() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

    public ReadOnlySpan<byte> ReadBytes()
    {
        var length = ReadUInt32();
        return length <= Rest.Length ? Take((int)length) : throw Truncated();
    }

    public string ReadText() => Encoding.UTF8.GetString(ReadBytes());

    private static ProtocolException Truncated() => new("a packet is shorter than its contents");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Rest.Length) throw Truncated();
        var taken = Rest[..count];
        Rest = Rest[count..];
        return taken;
    }
}

/// <summary>A violation of the protocol by the server. In a packet that belongs to no request it ends the connection, otherwise only the operation
/// that made the request. Callers of the backend never see it: <see cref="SftpBackend"/> throws a <see cref="StoreException"/> instead.</summary>
/// <param name="problem">What is wrong, as the end of a sentence.</param>
internal sealed class ProtocolException(string problem) : Exception(problem);
