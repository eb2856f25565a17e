using BorgStore.Tests.Server;

namespace BorgStore.Tests.Costs;

/// <summary>Operations over HTTP make one request each, and allocate no more memory than they did.</summary>
[Trait("Category", "Server")]
public sealed class RestCostTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(create: false);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Operations_make_the_expected_requests_and_allocate_no_more_memory_than_expected()
    {
        await using var meter = await CostMeter.StartAsync(_server.Address.ToString());
        foreach (var (operation, requests, most) in new[] { ("store", 1, 7500), ("load", 1, 11000), ("info", 1, 8000), ("list", 0.005, 750) })
        {
            Assert.Equal((operation, requests), (operation, await meter.CountRequestsAsync(operation)));
            await meter.CheckBytesAsync(operation, most);
        }
    }
}
