using BorgStore.Backends.Sftp.Connection;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>A byte stream to and from an SFTP server, such as an ssh process.</summary>
internal interface ISftpTransport : IAsyncDisposable
{
    /// <summary>The data to and from the server. At most one read and one write run at a time.</summary>
    Stream Stream { get; }

    /// <summary>Starts a program on the server, over the same connection if that is possible.</summary>
    /// <param name="command">The command, which is interpreted by a shell on the server.</param>
    /// <returns>The running program, or <see langword="null"/> if programs cannot be started.</returns>
    IRunningProgram? StartProgram(string command);

    /// <summary>Returns why the stream has ended.</summary>
    /// <param name="hadHandshake">Whether the server had answered before.</param>
    ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake);

    /// <summary>Ends the transport immediately, whatever is in flight.</summary>
    void Abort();
}
