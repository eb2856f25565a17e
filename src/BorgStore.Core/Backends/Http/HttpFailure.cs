using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace BorgStore.Backends.Http;

/// <summary>Explains why a request did not reach its server, with the same wording for everything that uses HTTP.</summary>
internal static class HttpFailure
{
    /// <summary>The time limit for establishing a connection.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Explains why a request did not reach its server, in one or more sentences.</summary>
    /// <param name="cause">The exception of the runtime.</param>
    /// <param name="destination">The server, if it is reached by an address.</param>
    /// <param name="authorityVariable">The environment variable that names authorities to trust.</param>
    public static string Describe(Exception cause, Uri? destination, string authorityVariable)
    {
        var tls = Find<AuthenticationException>(cause);
        var why = tls is not null ? DescribeTls(tls, authorityVariable) : ToSentence((cause.InnerException ?? cause).Message);
        return why + ProxyChoice.Describe(destination);
    }

    /// <summary>Returns whether no program listens at the server's address, or the address
    /// does not exist. A retry helps only if the server is just starting.</summary>
    /// <param name="cause">The exception of the runtime.</param>
    public static bool IsConnectionRefused(Exception cause)
        => Find<SocketException>(cause) is
        {
            SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostNotFound or SocketError.HostUnreachable
            or SocketError.NetworkUnreachable or SocketError.NoData or SocketError.AddressNotAvailable
        };

    /// <summary>Returns a description of the problem if a server that was called
    /// by plain HTTP speaks TLS; otherwise <see langword="null"/>.</summary>
    /// <param name="server">The server.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<string?> DetectTlsAsync(Uri server, CancellationToken cancellationToken)
    {
        if (server.Scheme != Uri.UriSchemeHttp || ProxyChoice.Instance.GetProxy(server) is not null) return null;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ProbeTimeout);
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server.DnsSafeHost, server.Port, timeout.Token).ConfigureAwait(false);
            using var tls = new SslStream(new NetworkStream(socket));
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = server.DnsSafeHost,
#pragma warning disable CA5359 // Nothing is sent; this only detects whether the server speaks TLS.
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
            };
            await tls.AuthenticateAsClientAsync(options, timeout.Token).ConfigureAwait(false);
            return $"port {server.Port} expects TLS. Use 'https:' in the URL instead of 'http:'";
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Returns whether connecting timed out, which the runtime reports as a cancellation.</summary>
    /// <param name="cause">The exception of the runtime.</param>
    public static bool IsConnectTimeout(OperationCanceledException cause) => cause.InnerException is TimeoutException;

    // The runtime's message about a proxy ends with an unmatched quotation mark.
    private static string ToSentence(string message)
        => StoreErrorText.ToSentence(ServerText.Clean(message.EndsWith(".\"", StringComparison.Ordinal) ? message[..^1] : message));

    private static string DescribeTls(AuthenticationException tls, string authorityVariable)
    {
        // The runtime tells the kinds of failure apart only by words, which come from an enumeration and are not translated.
        var text = $"{tls.Message} {tls.InnerException?.Message}";
        var said = ToSentence(tls.Message);
        if (Has("NotTimeValid")) return $"The server's certificate has expired or is not valid yet: {said} Renew it, or set the clock of this machine.";
        if (Has("RemoteCertificateNameMismatch")) return $"The server's certificate is for another name: {said} Use a name from the certificate in the URL.";
        if (Has("frame size") || Has("wrong version number") || Has("SSL_ERROR_SSL") || Has("0x80090308"))
            return "The server does not speak TLS at that port. Use 'http:' in the URL instead of 'https:', or choose another port.";
        return $"The server's certificate is not trusted: {said} To trust your own authority, set {authorityVariable}.";

        bool Has(string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
    }

    private static T? Find<T>(Exception? e) where T : Exception
    {
        for (; e is not null; e = e.InnerException)
            if (e is T found) return found;
        return null;
    }
}
