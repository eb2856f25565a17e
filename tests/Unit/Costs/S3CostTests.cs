using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Costs;

/// <summary>Operations on S3 make no more requests than they need. S3RequestTests says which.</summary>
[Trait("Category", "Server")]
public sealed class S3CostTests(CephServer ceph)
{
    [Theory]
    [InlineData("store", 1)]
    [InlineData("load", 1)]
    [InlineData("info", 1)]
    [InlineData("list", 0.005)]
    [InlineData("delete", 2)]
    public async Task An_operation_makes_the_expected_requests(string operation, double expected)
    {
        var server = await ceph.GetAsync();
        await using var meter = await CostMeter.StartAsync(server.UrlOf($"costs-{Guid.NewGuid():n}"));
        var (_, requests) = await meter.MeasureAsync(operation);
        Assert.Equal(expected, requests);
    }
}
