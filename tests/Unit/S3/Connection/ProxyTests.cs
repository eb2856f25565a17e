using BorgStore.Backends;
using BorgStore.Tests.Rest;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Proxies set by environment variables.</summary>
public sealed class ProxyTests(CephServer ceph) : S3Test(ceph)
{
    // A name that only the proxy can resolve, because no proxy is used for loopback addresses.
    private const string Host = "store.test";

    [Fact]
    public async Task HTTP_requests_go_through_the_proxy()
    {
        await using var proxy = new ForwardProxy();
        var endpoint = Renamed(Server.Endpoint);
        await UseStoreAsync(Url(endpoint), ("HTTP_PROXY", proxy.Address.ToString()));
        Assert.Contains(proxy.Requests, request => request.StartsWith("PUT ", StringComparison.Ordinal));
        Assert.All(proxy.Requests, request => Assert.Contains($" {endpoint.GetLeftPart(UriPartial.Authority)}/", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task HTTPS_requests_go_through_a_tunnel_of_the_proxy()
    {
        using var folder = new TemporaryFolder();
        TestCertificate.Write(folder.Combine("cert.pem"), Host);
        await using var secured = new TlsFront(folder.Combine("cert.pem"), Server.Endpoint);
        await using var proxy = new ForwardProxy();
        var endpoint = Renamed(secured.Address);
        await UseStoreAsync(Url(endpoint), ("HTTPS_PROXY", proxy.Address.ToString()), ("AWS_CA_BUNDLE", folder.Combine("cert.pem")));
        Assert.NotEmpty(proxy.Requests);
        Assert.All(proxy.Requests, request => Assert.Equal($"CONNECT {endpoint.Authority}", request));
    }

    [Fact]
    public async Task A_server_listed_in_NO_PROXY_is_contacted_directly()
    {
        await using var proxy = new ForwardProxy();
        await UseStoreAsync(Url(), ("HTTP_PROXY", proxy.Address.ToString()), ("NO_PROXY", "example.org,127.0.0.1"));
        Assert.Empty(proxy.Requests);
    }

    private static Uri Renamed(Uri address) => new UriBuilder(address) { Host = Host }.Uri;

    private async Task UseStoreAsync(string url, params (string Name, string Value)[] environment)
    {
        await using (var served = await ServedStore.StartAsync(url, environment))
            await served.Backend.StoreAsync("data/ab/abc", Bytes(1000), StoreMode.Overwrite, Ct);
        Assert.Equal(Bytes(1000), await LoadAsync("data/ab/abc"));
    }
}
