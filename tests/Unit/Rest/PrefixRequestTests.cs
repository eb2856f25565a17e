using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Naming;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>The requests that finding items by prefix takes, each of which is one round trip.</summary>
public sealed partial class PrefixRequestTests : IAsyncLifetime
{
    private static readonly string[] Keys = ["00123456", "00127777", "00130000", "00240000", "01000000", "ff000000"];
    private TestServer _server = null!;
    private FaultyConnection _line = null!;
    private RestBackend _client = null!;
    private int _requests;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _line = new(_server.Address.ToString());
        _client = new(_line.Url);
        await _client.OpenAsync(Ct);
        foreach (var key in Keys)
        {
            await _client.StoreAsync(Nesting.Nest($"data/{key}", 2), "1"u8.ToArray(), StoreMode.Overwrite, Ct);
            await _client.StoreAsync($"flat/{key}", "1"u8.ToArray(), StoreMode.Overwrite, Ct);
        }
        _line.ToServer = (bytes, count) => Interlocked.Add(ref _requests, RequestLine().Count(Encoding.Latin1.GetString(bytes, 0, count)));
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _line.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("data", 2, "0012", 2)]
    [InlineData("data", 2, "001", 3)]
    [InlineData("data", 2, "0", 5)]
    [InlineData("data", 2, "0999", 0)]
    [InlineData("flat", 0, "0012", 2)]
    public async Task Our_server_takes_one_request(string ns, int level, string prefix, int items)
    {
        Assert.Equal((items, 1), await FindAsync(ns, level, prefix));
        // A server that does not know the parameter returns more than was requested.
        _line.ToServer += (bytes, count) => Replace(bytes, count, "prefix=", "prefiy=");
        Assert.Equal((items, 1), await FindAsync(ns, level, prefix));
    }

    [Theory]
    [InlineData("data", 2, "0012", 2, 1)]
    [InlineData("data", 2, "001", 3, 3)]
    [InlineData("data", 2, "0999", 0, 1)]
    [InlineData("flat", 0, "0012", 2, 1)]
    public async Task Another_server_takes_one_request_for_each_directory(string ns, int level, string prefix, int items, int requests)
    {
        await _client.DisposeAsync();
        _line.ToClient = (bytes, count) => Replace(bytes, count, "X-BorgStore-Server", "X-Some-Other-Thing");
        _client = new(_line.Url);
        await _client.OpenAsync(Ct);
        Assert.Equal((items, requests), await FindAsync(ns, level, prefix));
    }

    [Fact]
    public void A_prefix_with_a_slash_is_refused()
    {
        using var client = RawClient.Connect(_server.Address);
        foreach (var target in new[] { "/data/?prefix=00%2F", "/data/?cmd=tree&prefix=00%2F12" })
            Assert.Equal(400, client.Exchange("GET", target).Status);
    }

    private async Task<(int Items, int Requests)> FindAsync(string ns, int level, string prefix)
    {
        _requests = 0;
        var found = await PrefixListing.ListAsync(_client, new(ns, level), prefix, [], Ct).ToListAsync(Ct);
        Assert.All(found, item => Assert.StartsWith(prefix, item.Name[(item.Name.LastIndexOf('/') + 1)..], StringComparison.Ordinal));
        return (found.Count, _requests);
    }

    private static void Replace(byte[] bytes, int count, string text, string with)
    {
        if (bytes.AsSpan(0, count).IndexOf(Encoding.ASCII.GetBytes(text)) is >= 0 and var at) Encoding.ASCII.GetBytes(with).CopyTo(bytes, at);
    }

    [GeneratedRegex("^[A-Z]+ /[^ ]* HTTP/1.1", RegexOptions.Multiline)]
    private static partial Regex RequestLine();
}
