using System.Buffers.Binary;
using System.Text;

namespace BorgStore.Tests.Sftp;

/// <summary>Builds packets of an SFTP server (draft-ietf-secsh-filexfer-02).</summary>
internal static class Answers
{
    public const uint File = 0x81a4, Folder = 0x41ed, Link = 0xa1ff;

    public static byte[] Version(params string[] extensions)
        => [.. Packet(2, [0, 0, 0, 3], [.. extensions.SelectMany(name => (byte[])[.. Text(name), .. Text("1")])])];

    public static byte[] Packet(byte type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
    {
        var packet = new byte[4 + 1 + id.Length + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, packet.Length - 4);
        packet[4] = type;
        id.CopyTo(packet.AsSpan(5));
        body.CopyTo(packet.AsSpan(5 + id.Length));
        return packet;
    }

    /// <summary>Returns a status as the response to a request.</summary>
    public static byte[] Status(byte[] request, byte code) => Packet(101, IdOf(request), [0, 0, 0, code, 0, 0, 0, 0, 0, 0, 0, 0]);

    public static byte[] Handle(byte[] request, params byte[] handle) => Packet(102, IdOf(request), Bytes(handle));

    public static byte[] Data(byte[] request, byte[] data) => Packet(103, IdOf(request), Bytes(data));

    public static byte[] Attributes(byte[] request, uint mode, long size = 0) => Packet(105, IdOf(request), Attributes(mode, size));

    public static byte[] Extended(byte[] request, byte[] content) => Packet(201, IdOf(request), content);

    /// <summary>Returns entries as the response to a request for those of a directory.</summary>
    public static byte[] Names(byte[] request, params (string Name, uint Mode)[] entries) => Packet(104, IdOf(request), Names(entries));

    public static byte[] Names(params (string Name, uint Mode)[] entries)
        => [.. Number(entries.Length), .. entries.SelectMany(e => (byte[])[.. Text(e.Name), .. Text(""), .. Attributes(e.Mode, 1)])];

    public static byte[] Attributes(uint mode, long size) => [0, 0, 0, 5, .. Number(size), .. Number((int)mode)];

    public static ReadOnlySpan<byte> IdOf(byte[] request) => request.AsSpan(1, 4);

    /// <summary>Returns the first text of a request: its path, its handle or the name of its extension.</summary>
    public static string FirstTextOf(byte[] request)
        => Encoding.UTF8.GetString(request.AsSpan(9, BinaryPrimitives.ReadInt32BigEndian(request.AsSpan(5))));

    public static byte[] Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    private static byte[] Bytes(byte[] bytes) => [.. Number(bytes.Length), .. bytes];

    private static byte[] Number(int number)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private static byte[] Number(long number)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
