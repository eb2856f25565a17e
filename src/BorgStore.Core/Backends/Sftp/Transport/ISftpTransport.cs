using BorgStore.Backends.Sftp.Connection;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>A stream of bytes to and from an SFTP server. ssh is one; a library could be another.</summary>
internal interface ISftpTransport : IAsyncDisposable
{
    /// <summary>What goes to the server and comes from it. One read and one write run at a time.</summary>
    Stream Stream { get; }

    /// <summary>Starts a program on the server, over the same connection if that is possible.</summary>
    /// <param name="command">The program; a shell there reads it.</param>
    /// <returns>Its input and output, or <see langword="null"/> where there is no way to start any.</returns>
    ChildProcess? StartProgram(string command);

    /// <summary>Tells why the stream has ended.</summary>
    /// <param name="wasGreeted">Whether the server had answered before.</param>
    ValueTask<ConnectionFailure> ExplainEndAsync(bool wasGreeted);

    /// <summary>Ends it at once, whatever is still on its way.</summary>
    void Abort();
}
