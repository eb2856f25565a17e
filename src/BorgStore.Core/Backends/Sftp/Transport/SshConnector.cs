namespace BorgStore.Backends.Sftp.Transport;

/// <summary>Connects to a server over ssh.</summary>
/// <param name="url">The server.</param>
/// <param name="options">More options for ssh, each <c>name=value</c>.</param>
internal sealed class SshConnector(SftpUrl url, params string[] options)
{
    // A socket's path has room for 104 bytes on some systems, and ssh adds 17 while it makes one.
    private const int LongestSocketPath = 80;
    private Task<bool>? _mayShare;

    /// <summary>Starts ssh. Whether it reaches the server is yet to be seen.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<ISftpTransport> ConnectAsync(CancellationToken cancellationToken)
    {
        // Whoever shares connections by his configuration keeps his ways: it may be the only one that he is logged in on.
        var mayShare = await (_mayShare ??= MayShareAsync()).WaitAsync(cancellationToken).ConfigureAwait(false);
        var folder = mayShare ? Directory.CreateTempSubdirectory("borgstore-ssh-").FullName : null;
        var socket = folder is null ? "" : Path.Combine(folder, "s");
        if (socket.Length is 0 or > LongestSocketPath) return SshTransport.Start(url, folder, options, options);
        return SshTransport.Start(url, folder,
            [.. options, "ControlMaster=yes", $"ControlPath={socket}", "ControlPersist=no"],
            [.. options, "ControlMaster=no", $"ControlPath={socket}"]);
    }

    // Asks ssh what its configuration says; another program has no answer.
    private async Task<bool> MayShareAsync()
    {
        if (OperatingSystem.IsWindows()) return false;
        var ssh = SshTransport.StartSsh(SshCommand.ForConfiguration(url, options));
        await using (ssh.ConfigureAwait(false))
        {
            ssh.CloseInput();
            using var reader = new StreamReader(ssh.Stream, leaveOpen: true);
            var lines = (await reader.ReadToEndAsync().ConfigureAwait(false)).Split('\n');
            return await ssh.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false) == 0
                && lines.Any(line => line.StartsWith("hostname ", StringComparison.Ordinal))
                && !lines.Any(line => line.StartsWith("controlpath ", StringComparison.Ordinal) && line != "controlpath none");
        }
    }
}
