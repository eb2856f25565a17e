using System.Net;

namespace BorgStore.Backends.Http;

/// <summary>The proxy of the environment or the system, for all HTTP requests. Its address is given without the
/// password, which the runtime's exceptions would show, and it is never used for this machine itself.</summary>
internal sealed class ProxyChoice : IWebProxy, ICredentials
{
    private ProxyChoice()
    {
    }

    /// <summary>The shared instance.</summary>
    public static ProxyChoice Instance { get; } = new();

    /// <inheritdoc/>
    public ICredentials? Credentials
    {
        get => this;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination)
        => !destination.IsLoopback && !HttpClient.DefaultProxy.IsBypassed(destination) && HttpClient.DefaultProxy.GetProxy(destination) is { } proxy
            && proxy != destination ? new UriBuilder(proxy) { UserName = "", Password = "" }.Uri : null;

    /// <inheritdoc/>
    public bool IsBypassed(Uri host) => GetProxy(host) is null;

    /// <inheritdoc/>
    public NetworkCredential? GetCredential(Uri uri, string authType) => HttpClient.DefaultProxy.Credentials?.GetCredential(uri, authType);

    /// <summary>Returns the advice for a proxy that refuses the user or password.</summary>
    /// <param name="destination">The server.</param>
    public static string DescribeAuthenticationFailure(Uri? destination)
        => "The proxy rejected the user name or password. Set them together with the proxy in the environment, as in HTTPS_PROXY." + Describe(destination);

    /// <summary>Returns the end of a message about an unreachable server: the proxy in use, or an empty string if there is none.</summary>
    /// <param name="destination">The server.</param>
    public static string Describe(Uri? destination)
        => destination is not null && Instance.GetProxy(destination) is { } proxy
            ? $" The connection goes through the proxy '{proxy.GetLeftPart(UriPartial.Authority)}', which is set in the environment; NO_PROXY excludes hosts from it." : "";
}
