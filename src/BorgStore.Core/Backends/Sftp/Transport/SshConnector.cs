namespace BorgStore.Backends.Sftp.Transport;

/// <summary>Connects to a server over ssh.</summary>
/// <param name="url">The server.</param>
/// <param name="options">More options for ssh, each <c>name=value</c>.</param>
internal sealed class SshConnector(SftpUrl url, params string[] options)
{
    // The path of a socket is limited to 104 bytes on some systems, and ssh temporarily adds 17.
    private const int LongestSocketPath = 80;
    private Task<Configuration>? _configuration;

    /// <summary>Starts ssh. Whether it reaches the server is not known yet.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<ISftpTransport> ConnectAsync(CancellationToken cancellationToken)
    {
        var configuration = await (_configuration ??= AskAsync()).WaitAsync(cancellationToken).ConfigureAwait(false);
        string[] chosen = [.. options, .. CipherChoice.Prefer(configuration.Ciphers)];
        // A user who configured connection sharing keeps it: the shared connection may be the only one that is authenticated.
        var mayShare = configuration.MayShare;
        var folder = mayShare ? Directory.CreateTempSubdirectory("borgstore-ssh-").FullName : null;
        var socket = folder is null ? "" : Path.Combine(folder, "s");
        if (socket.Length is 0 or > LongestSocketPath) return SshTransport.Start(url, folder, chosen, chosen);
        return SshTransport.Start(url, folder,
            [.. chosen, "ControlMaster=yes", $"ControlPath={socket}", "ControlPersist=no"],
            [.. chosen, "ControlMaster=no", $"ControlPath={socket}"]);
    }

    // Asks ssh for its configuration; other programs may not answer.
    private async Task<Configuration> AskAsync()
    {
        var ssh = SshTransport.StartSsh(SshCommand.ForConfiguration(url, options));
        await using (ssh.ConfigureAwait(false))
        {
            ssh.CloseInput();
            using var reader = new StreamReader(ssh.Stream, leaveOpen: true);
            var lines = (await reader.ReadToEndAsync().ConfigureAwait(false)).Split('\n', StringSplitOptions.TrimEntries);
            var isOpenSsh = await ssh.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false) == 0 && ValueOf("hostname").Length > 0;
            if (!isOpenSsh) return new(false, "");
            return new(!OperatingSystem.IsWindows() && (ValueOf("controlpath") is "" or "none"), ValueOf("ciphers"));

            string ValueOf(string option)
                => lines.FirstOrDefault(l => l.StartsWith(option + " ", StringComparison.Ordinal))?[(option.Length + 1)..] ?? "";
        }
    }

    /// <summary>The ssh configuration for a server.</summary>
    /// <param name="MayShare">Whether we may set up connection sharing for several channels.</param>
    /// <param name="Ciphers">The ciphers, in order of preference.</param>
    private sealed record Configuration(bool MayShare, string Ciphers);
}
