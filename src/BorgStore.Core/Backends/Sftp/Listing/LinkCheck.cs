using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Detects symbolic links, for deletions.</summary>
internal static class LinkCheck
{
    /// <summary>Returns whether the last element of a path is currently a symbolic link.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="path">The path on the server.</param>
    public static async Task<bool> IsLinkAsync(SftpConnection connection, string path)
    {
        // ProFTPD answers the first request from a cache that may be seconds old, and paramiko's server may not support the second.
        var looking = connection.SendAsync(new PathRequest(PacketType.LinkStat, PacketType.Attributes, path));
        using var target = await connection.SendAsync(new PathRequest(PacketType.ReadLink, PacketType.Name, path)).ConfigureAwait(false);
        using var stat = await looking.ConfigureAwait(false);
        return target.IsOk || stat.IsOk && stat.Attributes.IsLink;
    }
}
