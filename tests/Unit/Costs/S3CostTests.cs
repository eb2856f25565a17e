using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Costs;

/// <summary>Operations on S3 make no more requests than they need. S3RequestTests says which.</summary>
[Trait("Category", "Server")]
public sealed class S3CostTests(CephServer ceph)
{
    [Fact]
    public async Task Operations_make_the_expected_requests()
    {
        var expected = new Dictionary<string, double> { ["store"] = 1, ["load"] = 1, ["info"] = 1, ["list"] = 0.005, ["delete"] = 2 };
        var server = await ceph.GetAsync();
        await using var meter = await CostMeter.StartAsync(server.UrlOf($"costs-{Guid.NewGuid():n}"));
        var counted = new Dictionary<string, double>();
        foreach (var operation in expected.Keys) counted[operation] = await meter.CountRequestsAsync(operation);
        Assert.Equal(expected, counted);
    }
}
