using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>The features that a server announced.</summary>
internal sealed class ServerFeatures
{
    // The size that every server must accept (draft-ietf-secsh-filexfer-02, section 3), and the largest that is worthwhile.
    private const int DefaultSize = 32 * 1024;
    private const int MaxSize = 255 * 1024;
    private readonly Dictionary<string, string> _extensions = new(StringComparer.Ordinal);

    /// <summary>The maximum size of a read request [bytes].</summary>
    public int ReadSize { get; private set; } = DefaultSize;

    /// <summary>The maximum size of a write request [bytes].</summary>
    public int WriteSize { get; private set; } = DefaultSize;

    /// <summary>The maximum number of open handles.</summary>
    public int Handles { get; private set; } = 128;

    /// <summary>Whether it is OpenSSH's server, the only one with this extension.</summary>
    public bool IsOpenSsh => Has(Extension.Limits);

    /// <summary>Returns whether the server announced an extension.</summary>
    public bool Has(string extension) => _extensions.ContainsKey(extension);

    /// <summary>Reads the content of a version packet after its type.</summary>
    public static ServerFeatures Read(ref PacketReader reader)
    {
        var version = reader.ReadUInt32();
        if (version < 3) throw new ProtocolException($"it speaks SFTP version {version}, but version 3 is required");
        var features = new ServerFeatures();
        while (!reader.IsEmpty)
        {
            var name = reader.ReadText();
            features._extensions[name] = reader.ReadText();
        }
        return features;
    }

    /// <summary>Reads the answer to <c>limits@openssh.com</c>; 0 means no limit.</summary>
    public void ReadLimits(ReadOnlySpan<byte> content)
    {
        var reader = new PacketReader(content);
        var packet = reader.ReadInt64();
        var read = reader.ReadInt64();
        var write = reader.ReadInt64();
        var handles = reader.ReadInt64();
        // A write request contains its handle, offset and lengths besides the data.
        if (packet > 1024) write = Math.Min(write <= 0 ? long.MaxValue : write, packet - 1024);
        ReadSize = Limit(read);
        WriteSize = Limit(write);
        if (handles > 0) Handles = (int)Math.Clamp(handles, 4, 4096);
    }

    private static int Limit(long size) => size <= 0 ? MaxSize : (int)Math.Clamp(size, 512, MaxSize);
}
