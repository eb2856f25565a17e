using System.Buffers;

namespace BorgStore.Backends.Sftp.Packets;

/// <summary>A server's answer. Its content is in pooled memory and valid until it is disposed.</summary>
internal struct Reply : IDisposable
{
    private const int MaxHandleLength = 256; // draft-ietf-secsh-filexfer-02, section 3
    private const int MaxMessageLength = 1024;

    private byte[]? _pooled;
    private int _length;

    /// <summary>The result of the request; <see cref="StatusCode.Ok"/> if the server sent what was requested.</summary>
    public StatusCode Status { get; init; }

    /// <summary>The server's message about a failure.</summary>
    public string? Message { get; private init; }

    /// <summary>The handle of an opened file or directory.</summary>
    public byte[] Handle { get; private init; }

    /// <summary>The requested attributes of a file.</summary>
    public ItemAttributes Attributes { get; private init; }

    public readonly bool IsOk => Status == StatusCode.Ok;

    /// <summary>The bytes of a data, name or extended reply.</summary>
    public readonly ReadOnlyMemory<byte> Content => _pooled.AsMemory(0, _length);

    /// <summary>Reads the reply to a request.</summary>
    /// <param name="type">The type of the packet.</param>
    /// <param name="expected">The type that the request expects.</param>
    /// <param name="reader">The packet after its request id.</param>
    public static Reply Read(PacketType type, PacketType expected, ref PacketReader reader)
    {
        if (type != expected && type != PacketType.Status)
            throw new ProtocolException($"a packet of kind {(byte)type} answers a request for one of kind {(byte)expected}");
        switch (type)
        {
            case PacketType.Status:
                var status = (StatusCode)reader.ReadUInt32();
                if (status == StatusCode.Ok)
                {
                    return expected is PacketType.Status or PacketType.ExtendedReply
                        ? default
                        : throw new ProtocolException($"a request for a packet of kind {(byte)expected} was answered with a bare 'ok'");
                }
                // The most common ones need no message, and very old servers send none.
                var silent = status is StatusCode.EndOfFile or StatusCode.NoSuchFile || reader.IsEmpty;
                var message = silent ? null : reader.ReadText();
                if (message is { Length: > MaxMessageLength }) message = message[..MaxMessageLength];
                // ProFTPD has no code for a path that runs through a file, which OpenSSH reports as a missing file.
                if (status == StatusCode.Failure && message == "Not a directory") status = StatusCode.NoSuchFile;
                return new() { Status = status, Message = message };
            case PacketType.Handle:
                var handle = reader.ReadBytes();
                return handle.Length <= MaxHandleLength
                    ? new() { Handle = handle.ToArray() }
                    : throw new ProtocolException($"a handle has {handle.Length} bytes");
            case PacketType.Attributes:
                return new() { Attributes = ItemAttributes.Read(ref reader) };
            default:
                var content = type == PacketType.Data ? reader.ReadBytes() : reader.Rest;
                var pooled = ArrayPool<byte>.Shared.Rent(content.Length);
                content.CopyTo(pooled);
                return new() { _pooled = pooled, _length = content.Length };
        }
    }

    /// <summary>Waits for a reply that is no longer wanted.</summary>
    /// <param name="late">The pending reply.</param>
    public static async ValueTask DropAsync(ValueTask<Reply> late)
    {
        try
        {
            var reply = await late.ConfigureAwait(false);
            reply.Dispose();
        }
        catch (StoreException)
        {
            // Its failure does not matter either.
        }
    }

    /// <summary>Returns the memory to the pool.</summary>
    public void Dispose()
    {
        if (_pooled is not { } pooled) return;
        _pooled = null;
        _length = 0;
        ArrayPool<byte>.Shared.Return(pooled);
    }
}
