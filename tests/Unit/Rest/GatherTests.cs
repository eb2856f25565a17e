using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Security;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Gathering ranges of many items over REST: the number of requests, and servers without the command.</summary>
public sealed class GatherTests : IAsyncLifetime
{
    private TestServer _server = null!;
    private FaultyConnection _line = null!;
    private RestBackend _client = null!;
    private int _gathers;
    private int _loads;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _line = new(_server.Address.ToString());
        _client = new(_line.Url);
        _client.Client.Retry = new(1, TimeSpan.FromMilliseconds(20));
        await _client.OpenAsync(Ct);
        for (var i = 0; i < 10; i++)
            await _client.StoreAsync($"data/{i}", Enumerable.Range(i, 1000).Select(number => (byte)number).ToArray(), StoreMode.Overwrite, Ct);
        _line.ToServer = (bytes, count) =>
        {
            var text = Encoding.Latin1.GetString(bytes, 0, count);
            Interlocked.Add(ref _gathers, Count(text, "POST /?cmd=gather"));
            Interlocked.Add(ref _loads, Count(text, "GET /"));
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _line.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_thousand_ranges_take_one_request()
    {
        Assert.Equal(Expected(1000), await GatherAsync(1000));
        Assert.Equal((1, 0), (_gathers, _loads));
    }

    [Fact]
    public async Task Ranges_are_loaded_one_by_one_from_an_older_server_without_gather()
    {
        Replace("cmd=gather", "cmd=gathex");
        ReplaceInAnswers("X-BorgStore-Server: 2", "X-BorgStore-Server: 1");
        Assert.Equal(Expected(50), await GatherAsync(50));
        // The command itself, and the check whether the server knows it.
        Assert.Equal((2, 50), (_gathers, _loads));
        Assert.Equal(Expected(50), await GatherAsync(50));
        Assert.Equal((2, 100), (_gathers, _loads));
        await AssertFailsAsync(StoreError.ReadRange, new Block("data/1", 999, 2));
        await AssertFailsAsync(StoreError.ObjectNotFound, new Block("data/none", 0, 2));
    }

    [Fact]
    public async Task A_rejection_by_another_server_that_supports_gather_is_not_retried_by_loading()
    {
        // A client that had identified it as one of our servers would ignore the change.
        await _client.DisposeAsync();
        ReplaceInAnswers("X-BorgStore-Server: 2", "X-Some-Other-Server:2");
        _client = new(_line.Url);
        await _client.OpenAsync(Ct);
        await AssertFailsAsync(StoreError.InvalidName, new Block("data/../x", 0, 2));
        Assert.Equal(Expected(50), await GatherAsync(50));
        Assert.Equal(0, _loads);
    }

    [Fact]
    public async Task A_gather_whose_response_is_lost_is_retried()
    {
        _line.AnswersToCut = 1;
        Assert.Equal(Expected(20), await GatherAsync(20));
        Assert.Equal((2, 0), (_gathers, _loads));
    }

    [Fact]
    public async Task Gather_fails_if_one_item_may_not_be_read()
    {
        await using var server = await TestServer.StartAsync(options => options with { Permissions = PermissionMap.Parse("""{"": "lw", "data/open": "lrw"}""") });
        await using var client = new RestBackend(server.Address.ToString());
        await client.OpenAsync(Ct);
        await client.StoreAsync("data/open", new byte[10], StoreMode.Overwrite, Ct);
        await client.StoreAsync("data/secret", new byte[10], StoreMode.Overwrite, Ct);
        await using (var value = await client.GatherAsync([new("data/open", 2, 5)], Ct)) Assert.Equal(5, value.Length);
        foreach (var length in new[] { 0, 1 })
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => client.GatherAsync([new("data/open", 2, 5), new("data/secret", 0, length)], Ct).AsTask());
            Assert.Equal(StoreError.PermissionDenied, error.Error);
            Assert.Equal("data/secret", error.Name);
        }
    }

    private static Block BlockOf(int i) => new($"data/{i % 10}", i * 7 % 900, 1 + (i % 100));

    private static byte[] Expected(int count)
        => [.. Enumerable.Range(0, count).Select(BlockOf).SelectMany(block => Enumerable.Range((int)block.Offset + int.Parse(block.Name[5..]), (int)block.Length).Select(number => (byte)number))];

    private async Task<byte[]> GatherAsync(int count)
    {
        await using var value = await _client.GatherAsync([.. Enumerable.Range(0, count).Select(BlockOf)], Ct);
        return await value.ReadToEndAsync(Ct);
    }

    private async Task AssertFailsAsync(StoreError error, Block block)
        => Assert.Equal(error, (await Assert.ThrowsAsync<StoreException>(() => _client.GatherAsync([new("data/1", 0, 1), block], Ct).AsTask())).Error);

    private void Replace(string text, string with) => _line.ToServer += (bytes, count) => Replace(bytes, count, text, with);

    private void ReplaceInAnswers(string text, string with) => _line.ToClient += (bytes, count) => Replace(bytes, count, text, with);

    private static void Replace(byte[] bytes, int count, string text, string with)
    {
        Assert.Equal(text.Length, with.Length);
        for (var rest = bytes.AsSpan(0, count); rest.IndexOf(Encoding.Latin1.GetBytes(text)) is >= 0 and var found; rest = rest[found..])
            Encoding.Latin1.GetBytes(with).CopyTo(rest[found..]);
    }

    private static int Count(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;
}
