namespace BorgStore.Tests.Costs;

/// <summary>Operations on a folder allocate no more memory than they did. FileSystemCallTests asserts their system calls.</summary>
public sealed class FileCostTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Operations_allocate_no_more_memory_than_expected()
    {
        await using var meter = await CostMeter.StartAsync(_folder.StoreUrl);
        foreach (var (operation, most) in new[] { ("store", 460), ("load", 1370), ("info", 40), ("list", 220) }) await meter.CheckBytesAsync(operation, most);
    }
}
