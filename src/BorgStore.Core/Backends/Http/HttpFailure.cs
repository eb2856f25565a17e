using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace BorgStore.Backends.Http;

/// <summary>The words for what keeps a request from its server, the same for all that is reached over HTTP.</summary>
internal static class HttpFailure
{
    /// <summary>How long a connection may take to be made.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(5);

    /// <summary>Returns why a request did not reach its server, as one or several sentences.</summary>
    /// <param name="cause">What the runtime threw.</param>
    /// <param name="destination">The server, where it is reached by an address.</param>
    /// <param name="authorityVariable">The variable that names authorities to trust.</param>
    public static string Describe(Exception cause, Uri? destination, string authorityVariable)
    {
        var tls = Find<AuthenticationException>(cause);
        var why = tls is not null ? DescribeTls(tls, authorityVariable) : ToSentence((cause.InnerException ?? cause).Message);
        return why + ProxyChoice.Describe(destination);
    }

    /// <summary>Whether no program listens at the server's address, or the address does not exist. Another attempt helps only if the server is
    /// just starting.</summary>
    /// <param name="cause">What the runtime threw.</param>
    public static bool IsRefused(Exception cause)
        => Find<SocketException>(cause) is { SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostNotFound or SocketError.HostUnreachable
            or SocketError.NetworkUnreachable or SocketError.NoData or SocketError.AddressNotAvailable };

    /// <summary>Returns what is wrong where a server was asked by plain HTTP and speaks TLS, or <see langword="null"/>.</summary>
    /// <param name="server">The server.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<string?> FindTlsAsync(Uri server, CancellationToken cancellationToken)
    {
        if (server.Scheme != Uri.UriSchemeHttp || ProxyChoice.Instance.GetProxy(server) is not null) return null;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(LongestProbe);
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server.DnsSafeHost, server.Port, timeout.Token).ConfigureAwait(false);
            using var tls = new SslStream(new NetworkStream(socket));
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = server.DnsSafeHost,
#pragma warning disable CA5359 // Nothing is sent there; it is only to be known whether it speaks TLS.
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
            };
            await tls.AuthenticateAsClientAsync(options, timeout.Token).ConfigureAwait(false);
            return $"port {server.Port} speaks TLS. Write 'https:' in the URL in place of 'http:'";
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Whether no connection was made in time, which the runtime tells as if somebody had cancelled it.</summary>
    /// <param name="cause">What the runtime threw.</param>
    public static bool IsConnectTimeout(OperationCanceledException cause) => cause.InnerException is TimeoutException;

    // The runtime's message about a proxy ends with a quotation mark that has no partner.
    private static string ToSentence(string message)
        => StoreErrorText.ToSentence(ServerText.Clean(message.EndsWith(".\"", StringComparison.Ordinal) ? message[..^1] : message));

    private static string DescribeTls(AuthenticationException tls, string authorityVariable)
    {
        // The runtime tells kinds of failures by their words only, which come from an enumeration and are not translated.
        var text = $"{tls.Message} {tls.InnerException?.Message}";
        var said = ToSentence(tls.Message);
        if (Has("NotTimeValid")) return $"The server's certificate has expired or is not valid yet: {said} Renew it, or set the clock of this machine.";
        if (Has("RemoteCertificateNameMismatch")) return $"The server's certificate is for another name: {said} Use that name in the URL.";
        if (Has("frame size") || Has("wrong version number") || Has("SSL_ERROR_SSL") || Has("0x80090308"))
            return "The server does not speak TLS at that port. Write 'http:' in the URL in place of 'https:', or choose another port.";
        return $"The server's certificate is not trusted: {said} An authority of your own is named by {authorityVariable}.";

        bool Has(string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
    }

    private static T? Find<T>(Exception? e) where T : Exception
    {
        for (; e is not null; e = e.InnerException)
            if (e is T found) return found;
        return null;
    }
}
