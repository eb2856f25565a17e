using System.Buffers.Binary;
using System.Text;

namespace BorgStore.Backends.Sftp.Packets;

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
