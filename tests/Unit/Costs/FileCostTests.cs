namespace BorgStore.Tests.Costs;

/// <summary>Operations on a folder allocate no more memory than they did. FileSystemCallTests asserts their system calls.</summary>
public sealed class FileCostTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("store", 460)]
    [InlineData("load", 1370)]
    [InlineData("info", 40)]
    [InlineData("list", 220)]
    public async Task An_operation_allocates_no_more_memory_than_expected(string operation, int most)
    {
        await using var meter = await CostMeter.StartAsync(_folder.StoreUrl);
        var (bytes, requests) = await meter.MeasureAsync(operation);
        Assert.InRange(bytes, 1, most);
        Assert.Equal(0, requests);
    }
}
