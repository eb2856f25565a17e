using System.Net.Sockets;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Ssh;
using Renci.SshNet.Common;

namespace BorgStore.Backends.SshNet;

/// <summary>Maps the failures of SSH.NET to those of a store, in the words of the transport over the <c>ssh</c> program.</summary>
internal static class SshNetFailure
{
    /// <summary>Returns whether an exception is a failure of the connection or the server.</summary>
    public static bool IsFailure(Exception e)
        // The library throws these when a connection ends while it is used.
        => e is SshException or SocketException or IOException or ObjectDisposedException or InvalidOperationException or ArgumentException or NullReferenceException
            or OperationCanceledException or TimeoutException or NotSupportedException;

    /// <summary>Explains the end of a connection, or that there is none.</summary>
    /// <param name="server">The server for messages.</param>
    /// <param name="cause">The exception, if there is one.</param>
    /// <param name="wasConnected">Whether the server had answered before.</param>
    /// <param name="hasEmptyPassword">Whether the login was by an empty password.</param>
    public static ConnectionFailure Explain(string server, Exception? cause, bool wasConnected, bool hasEmptyPassword = false)
    {
        if (cause is AggregateException { InnerException: { } inner }) cause = inner;
        var what = SshFailure.Describe(server, wasConnected);
        return cause switch
        {
            StoreException e => new(e.Error, e.Message),
            SshAuthenticationException e => new(StoreError.AuthenticationFailed,
                $"{what}; the server refused the login ({e.Message.TrimEnd('.')}). {(hasEmptyPassword ? "The password is empty." : "Check the user and the password or key.")}"),
            SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => new(StoreError.ConnectionLost,
                $"{what}; there is no such host. {SshFailure.UnknownHost}"),
            SocketException { SocketErrorCode: SocketError.ConnectionRefused } => new(StoreError.ConnectionLost, $"{what}; the connection was refused."),
            SshOperationTimeoutException or OperationCanceledException or TimeoutException or SocketException { SocketErrorCode: SocketError.TimedOut } => new(
                wasConnected ? StoreError.Timeout : StoreError.ConnectionLost, $"{what}; the server did not answer in time."),
            // It closes surplus connections before the key exchange (MaxStartups of sshd).
            SshConnectionException { DisconnectReason: Renci.SshNet.Messages.Transport.DisconnectReason.ConnectionLost } when !wasConnected => new(
                StoreError.ConnectionLost, $"{what}; the server closed the connection. {SshFailure.TooManyLogins}", WasRejected: true),
            null => new(StoreError.ConnectionLost, $"{what}; the server closed the connection."),
            _ => new(StoreError.ConnectionLost, $"{what}; {Http.ServerText.Clean(cause.Message).TrimEnd('.')}."),
        };
    }

    /// <summary>Returns the failure for a server without SFTP.</summary>
    public static ConnectionFailure NoSftp(string server)
        => new(StoreError.NotSupported, $"{SshFailure.Describe(server, hadHandshake: false)}. {SshFailure.NoSftp}");
}
