namespace BorgStore.Backends.Sftp.Packets;

/// <summary>What is asked of a server.</summary>
internal interface IRequest
{
    /// <summary>The kind of the packet.</summary>
    PacketType Type { get; }

    /// <summary>The kind of the packet that answers it, where it does not fail.</summary>
    PacketType Answer { get; }

    /// <summary>Whether the server may work on it for as long as it takes, as on the hash of a large file.</summary>
    bool IsLong { get; }

    /// <summary>Writes what follows the request id.</summary>
    void Write(PacketWriter packet);
}
