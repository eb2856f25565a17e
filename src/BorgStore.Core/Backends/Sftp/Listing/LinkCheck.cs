using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>Finds out whether a path is a symbolic link, for whatever deletes.</summary>
internal static class LinkCheck
{
    /// <summary>Returns whether the last element of a path is a symbolic link at this moment.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="path">The path on the server.</param>
    public static async Task<bool> IsLinkAsync(SftpConnection connection, string path)
    {
        // ProFTPD answers the first from a cache that is seconds old, and paramiko's server need not know the second.
        var looking = connection.SendAsync(new PathRequest(PacketType.LinkStat, PacketType.Attributes, path));
        using var target = await connection.SendAsync(new PathRequest(PacketType.ReadLink, PacketType.Name, path)).ConfigureAwait(false);
        using var stat = await looking.ConfigureAwait(false);
        return target.IsOk || stat.IsOk && stat.Attributes.IsLink;
    }
}
