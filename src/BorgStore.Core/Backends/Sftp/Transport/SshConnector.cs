using BorgStore.Backends.Ssh;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>Connects to a server over ssh.</summary>
/// <param name="url">The server.</param>
/// <param name="options">More options for ssh, each <c>name=value</c>.</param>
internal sealed class SshConnector(SftpUrl url, params string[] options)
{
    // The path of a socket is limited to 104 bytes on some systems, and ssh temporarily adds 17.
    private const int MaxSocketPathLength = 80;
    private readonly SshConfigurationReader _configuration = new(url.Target, options);

    /// <summary>Starts ssh. Whether it reaches the server is not known yet.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<ISftpTransport> ConnectAsync(CancellationToken cancellationToken)
    {
        var configuration = await _configuration.ReadAsync(cancellationToken).ConfigureAwait(false);
        string[] chosen = [.. options, .. configuration.CipherOptions];
        var mayShare = configuration.MayShare;
        var folder = mayShare ? Directory.CreateTempSubdirectory("borgstore-ssh-").FullName : null;
        var socket = folder is null ? "" : Path.Combine(folder, "s");
        if (socket.Length is 0 or > MaxSocketPathLength) return SshTransport.Start(url, folder, chosen, chosen);
        return SshTransport.Start(url, folder,
            [.. chosen, "ControlMaster=yes", $"ControlPath={socket}", "ControlPersist=no"],
            [.. chosen, "ControlMaster=no", $"ControlPath={socket}"]);
    }
}
