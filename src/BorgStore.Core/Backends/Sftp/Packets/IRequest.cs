namespace BorgStore.Backends.Sftp.Packets;

/// <summary>A request to a server.</summary>
internal interface IRequest
{
    /// <summary>The type of the packet.</summary>
    PacketType Type { get; }

    /// <summary>The type of the packet that answers it on success.</summary>
    PacketType Answer { get; }

    /// <summary>Whether the server may need very long, for example to hash a large file.</summary>
    bool IsLong { get; }

    /// <summary>Writes the content after the request id.</summary>
    void Write(PacketWriter packet);
}
