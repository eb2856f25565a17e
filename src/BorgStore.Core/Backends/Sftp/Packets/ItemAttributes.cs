namespace BorgStore.Backends.Sftp.Packets;

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
