using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Connection;

/// <summary>What a server said of itself.</summary>
internal sealed class ServerFeatures
{
    // What every server has to take (draft-ietf-secsh-filexfer-02, section 3), and the most that is worth its while.
    private const int DefaultSize = 32 * 1024;
    private const int LargestSize = 255 * 1024;
    private readonly Dictionary<string, string> _extensions = new(StringComparer.Ordinal);

    /// <summary>The most that one request reads [bytes].</summary>
    public int ReadSize { get; private set; } = DefaultSize;

    /// <summary>The most that one request writes [bytes].</summary>
    public int WriteSize { get; private set; } = DefaultSize;

    /// <summary>How many handles may be open at once.</summary>
    public int Handles { get; private set; } = 128;

    /// <summary>Whether it is OpenSSH's server, the only one to know this extension.</summary>
    public bool IsOpenSsh => Has(Extension.Limits);

    /// <summary>Whether the server announced an extension.</summary>
    public bool Has(string extension) => _extensions.ContainsKey(extension);

    /// <summary>Reads what follows the kind of a version packet.</summary>
    public static ServerFeatures Read(ref PacketReader reader)
    {
        var version = reader.ReadUInt32();
        if (version < 3) throw new ProtocolException($"it speaks SFTP version {version}, and version 3 is needed");
        var features = new ServerFeatures();
        while (!reader.IsEmpty)
        {
            var name = reader.ReadText();
            features._extensions[name] = reader.ReadText();
        }
        return features;
    }

    /// <summary>Reads the answer to <c>limits@openssh.com</c>; 0 stands for no limit.</summary>
    public void ReadLimits(ReadOnlySpan<byte> content)
    {
        var reader = new PacketReader(content);
        var packet = reader.ReadInt64();
        var read = reader.ReadInt64();
        var write = reader.ReadInt64();
        var handles = reader.ReadInt64();
        // A write carries its handle, offset and lengths besides the bytes.
        if (packet > 1024) write = Math.Min(write <= 0 ? long.MaxValue : write, packet - 1024);
        ReadSize = Limit(read);
        WriteSize = Limit(write);
        if (handles > 0) Handles = (int)Math.Clamp(handles, 4, 4096);
    }

    private static int Limit(long size) => size <= 0 ? LargestSize : (int)Math.Clamp(size, 512, LargestSize);
}
