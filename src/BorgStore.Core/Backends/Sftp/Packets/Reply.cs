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

/// <summary>The attributes of a file (draft-ietf-secsh-filexfer-02, section 5).</summary>
/// <param name="Size">Its size [bytes].</param>
/// <param name="Mode">Its kind and permissions as in POSIX; 0 if the server does not send them.</param>
/// <param name="LastAccessTime">When it was last read (UTC).</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
internal readonly record struct ItemAttributes(long Size, uint Mode, DateTime? LastAccessTime, DateTime? LastWriteTime)
{
    private const uint KindMask = 0xf000;
    private const uint DirectoryKind = 0x4000;
    private const uint RegularKind = 0x8000;
    private const uint LinkKind = 0xa000;

    public bool IsDirectory => (Mode & KindMask) == DirectoryKind;

    // If a server does not send the kind, it is taken for a file.
    public bool IsRegular => (Mode & KindMask) is RegularKind or 0;

    public bool IsLink => (Mode & KindMask) == LinkKind;

    public bool IsOfUnknownKind => (Mode & KindMask) == 0;

    /// <summary>Completes the attributes with the kind from a listing.</summary>
    /// <param name="line">The human-readable line of the listing, in the format of ls. Some servers show the kind only there.</param>
    public ItemAttributes WithKindOf(ReadOnlySpan<byte> line) => !IsOfUnknownKind || line.IsEmpty ? this : line[0] switch
    {
        (byte)'d' => this with { Mode = Mode | DirectoryKind },
        (byte)'l' => this with { Mode = Mode | LinkKind },
        (byte)'-' => this with { Mode = Mode | RegularKind },
        _ => this,
    };

    public ItemInfo ToItem(string name) => new(name, IsDirectory ? 0 : Size, IsDirectory, LastAccessTime, LastWriteTime);

    public static ItemAttributes Read(ref PacketReader reader)
    {
        const uint hasSize = 1, hasOwner = 2, hasMode = 4, hasTimes = 8, hasMore = 0x80000000;
        var flags = reader.ReadUInt32();
        var size = (flags & hasSize) != 0 ? reader.ReadInt64() : 0;
        if ((flags & hasOwner) != 0) reader.ReadInt64();
        var mode = (flags & hasMode) != 0 ? reader.ReadUInt32() : 0;
        DateTime? accessed = null, written = null;
        if ((flags & hasTimes) != 0) (accessed, written) = (ReadTime(ref reader), ReadTime(ref reader));
        if ((flags & hasMore) != 0)
        {
            for (var left = reader.ReadUInt32(); left > 0; left--)
            {
                reader.ReadBytes();
                reader.ReadBytes();
            }
        }
        return size >= 0 ? new(size, mode, accessed, written) : throw new ProtocolException("a file has a negative size");
    }

    private static DateTime ReadTime(ref PacketReader reader) => DateTime.UnixEpoch.AddSeconds(reader.ReadUInt32());
}
