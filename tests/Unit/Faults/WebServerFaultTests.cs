using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.S3;
using BorgStore.Layout;
using BorgStore.Tests.Rest;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Faults;

/// <summary>Errors of a web server in front of a store are reported alike by both HTTP backends.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class WebServerFaultTests(CephServer ceph) : IAsyncLifetime
{
    private const string Elsewhere = "https://elsewhere.example";
    private static readonly string[] Variables = [RestTransport.AuthorityVariable, "AWS_CA_BUNDLE"];
    private readonly TemporaryFolder _folder = new();
    private readonly string?[] _values = [.. Variables.Select(Environment.GetEnvironmentVariable)];
    private InProcessServer _server = null!;
    private CephServer.Running _ceph = null!;
    private TestNginx? _nginx;

    public static TheoryData<string> Kinds => ["http", "s3"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _ceph = await ceph.GetAsync();
        _server = await InProcessServer.StartAsync(_folder.Combine("store"), options => options);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (variable, value) in Variables.Zip(_values)) Environment.SetEnvironmentVariable(variable, value);
        if (_nginx is not null) await _nginx.DisposeAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_value_that_exceeds_the_request_size_of_a_proxy_is_explained(string kind)
    {
        await using var store = await OpenAsync(await StartAsync(kind, "client_max_body_size 1k;"));
        var error = await Assert.ThrowsAsync<StoreException>(() => store.StoreAsync("data/0011223344", new byte[2000], cancellationToken: Ct).AsTask());
        Assert.Equal(StoreError.NotSupported, error.Error);
        Assert.StartsWith("Could not store 'data/0011223344': the operation is not supported here. ", error.Message, StringComparison.Ordinal);
        Assert.Contains("does not accept requests of that size", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Requests_over_the_rate_limit_are_retried(string kind)
    {
        var url = await StartAsync(kind, "limit_req zone=few; limit_req_status 429; add_header Retry-After 1 always;", "limit_req_zone $server_port zone=few:1m rate=5r/s;");
        await using var store = await OpenAsync(url);
        for (var i = 0; i < 5; i++) await store.StoreAsync($"data/001122334{i}", new byte[10], cancellationToken: Ct);
        Assert.NotNull(await store.LoadAsync("data/0011223344", cancellationToken: Ct));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_redirect_reports_the_new_location(string kind)
        => Assert.Contains(Elsewhere, (await FailAsync(await StartAsync(kind, $"return 301 {Elsewhere}$request_uri;"))).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_https_URL_for_a_port_without_TLS_is_explained(string kind)
        => await SaysAsync("Use 'http:' in the URL", (await StartAsync(kind, "")).Replace("http://", "https://", StringComparison.Ordinal));

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_http_URL_for_a_port_with_TLS_is_explained(string kind)
        => await SaysAsync("Use 'https:' in the URL", (await StartTlsAsync(kind, "127.0.0.1", 30)).Replace("https://", "http://", StringComparison.Ordinal));

    [Theory, MemberData(nameof(Kinds))]
    public async Task An_expired_certificate_is_explained(string kind) => await SaysAsync("expired", await StartTlsAsync(kind, "127.0.0.1", -2, isKnown: true));

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_certificate_for_another_name_is_explained(string kind)
        => await SaysAsync("for another name", (await StartTlsAsync(kind, "elsewhere.example", 30, isKnown: true)).Replace("127.0.0.1", "localhost", StringComparison.Ordinal));

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_certificate_of_an_unknown_authority_is_explained(string kind)
        => await SaysAsync(kind == "http" ? RestTransport.AuthorityVariable : "AWS_CA_BUNDLE", await StartTlsAsync(kind, "127.0.0.1", 30));

    private static async Task SaysAsync(string why, string url)
    {
        var error = await FailAsync(url);
        Assert.Equal(StoreError.ConnectionLost, error.Error);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        if (!why.Contains('_')) Assert.DoesNotContain("authority", error.Message, StringComparison.Ordinal);
    }

    private static async Task<StoreException> FailAsync(string url)
    {
        var error = await Assert.ThrowsAsync<StoreException>(() => Store.OpenAsync(new(url) { Layout = StoreLayout.Borg2 }, Ct));
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        Assert.StartsWith($"Could not open the store '{StoreUrl.Redact(url)}': ", error.Message, StringComparison.Ordinal);
        return error;
    }

    private static async Task<Store> OpenAsync(string url)
    {
        await using (IBackend creator = url.StartsWith("s3:", StringComparison.Ordinal) ? S3Backend.Create(url, new()) : new RestBackend(url)) await creator.CreateAsync(Ct);
        return await Store.OpenAsync(new(url) { Layout = new(("data", 2)) }, Ct);
    }

    private async Task<string> StartTlsAsync(string kind, string name, int days, bool isKnown = false)
    {
        var file = _folder.Combine("cert.pem");
        TestCertificate.Write(file, name, days);
        if (isKnown) foreach (var variable in Variables) Environment.SetEnvironmentVariable(variable, file);
        return (await StartAsync(kind, $"ssl_certificate {file}; ssl_certificate_key {file};", listen: " ssl")).Replace("http://", "https://", StringComparison.Ordinal);
    }

    private async Task<string> StartAsync(string kind, string settings, string before = "", string listen = "")
    {
        var port = TestPorts.FindFree();
        var target = kind == "http" ? _server.Url : _ceph.Endpoint.GetLeftPart(UriPartial.Authority);
        _nginx = await TestNginx.StartAsync(_folder.Combine("nginx"), port, $$"""
            {{before}}
            server {
              listen 127.0.0.1:{{port}}{{listen}};
              {{settings}}
              location / { proxy_pass {{target}}; proxy_set_header Host $http_host; proxy_http_version 1.1; proxy_request_buffering off; }
            }
            """);
        return kind == "http" ? $"http://127.0.0.1:{port}" : _ceph.UrlOf($"web/{Guid.NewGuid():n}").Replace(_ceph.Endpoint.Authority, $"127.0.0.1:{port}", StringComparison.Ordinal);
    }
}
