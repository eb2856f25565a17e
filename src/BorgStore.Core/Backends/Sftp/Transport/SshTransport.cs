using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>A transport to an SFTP server over the user's own ssh.</summary>
internal sealed class SshTransport : ISftpTransport
{
    private readonly SftpUrl _url;
    private readonly ChildProcess _ssh;

    private readonly string? _folder;
    private readonly string[] _programOptions;

    private SshTransport(SftpUrl url, ChildProcess ssh, string? folder, string[] programOptions)
        => (_url, _ssh, _folder, _programOptions) = (url, ssh, folder, programOptions);

    /// <inheritdoc/>
    public Stream Stream => _ssh.Stream;

    /// <summary>Starts ssh. Whether it reaches the server is not known yet.</summary>
    /// <param name="url">The server.</param>
    /// <param name="folder">The folder of its socket; deleted at the end.</param>
    /// <param name="options">More options for ssh, each <c>name=value</c>.</param>
    /// <param name="programOptions">More options for ssh when it starts programs on the server.</param>
    public static SshTransport Start(SftpUrl url, string? folder, string[] options, string[] programOptions)
    {
        try
        {
            return new(url, SshCommand.Start(SshCommand.ForSubsystem(url.Target, options)), folder, programOptions);
        }
        catch
        {
            Remove(folder);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake)
    {
        var status = await _ssh.WaitAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false);
        var failure = SshFailure.Explain(_url.Server, _ssh.Errors, status, hadHandshake);
        return new(failure.Error, failure.Message, failure.WasRejected);
    }

    /// <inheritdoc/>
    public IRunningProgram? StartProgram(string command)
    {
        try
        {
            return SshCommand.Start(SshCommand.ForProgram(_url.Target, command, _programOptions));
        }
        catch (StoreException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Abort() => _ssh.Kill();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ssh.DisposeAsync().ConfigureAwait(false);
        Remove(_folder);
    }

    private static void Remove(string? folder)
    {
        try
        {
            if (folder is not null) Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // An empty temporary folder is not worth a failure.
        }
    }
}
