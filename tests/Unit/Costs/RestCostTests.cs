using BorgStore.Tests.Server;

namespace BorgStore.Tests.Costs;

/// <summary>Operations over HTTP make one request each, and allocate no more memory than they did.</summary>
[Trait("Category", "Server")]
public sealed class RestCostTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(create: false);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("store", 1, 7500)]
    [InlineData("load", 1, 11000)]
    [InlineData("info", 1, 8000)]
    [InlineData("list", 0.005, 750)]
    public async Task An_operation_makes_the_expected_requests_and_allocates_no_more_memory_than_expected(string operation, double expected, int most)
    {
        await using var meter = await CostMeter.StartAsync(_server.Address.ToString());
        var (bytes, requests) = await meter.MeasureAsync(operation);
        Assert.Equal(expected, requests);
        Assert.InRange(bytes, 1, most);
    }
}
