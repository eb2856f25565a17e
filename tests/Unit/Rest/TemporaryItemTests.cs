using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Files left by a crash in the store of a server.</summary>
public sealed class TemporaryItemTests
{
    [Fact]
    public async Task Temporary_items_are_found_and_deleted_unless_they_have_been_written_since()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await TestServer.StartAsync();
        var file = Path.Combine(server.StorePath, "data", "0123456789abcdef.tmp");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, new byte[5], ct);
        // More digits than a double has.
        var written = new DateTime(2026, 3, 4, 5, 6, 7, DateTimeKind.Utc).AddTicks(1234567);
        File.SetLastWriteTimeUtc(file, written);

        await using var client = new RestBackend(server.Address.ToString());
        await client.OpenAsync(ct);
        var item = Assert.Single(await client.ListTemporaryAsync(TimeSpan.FromHours(1), ct).ToListAsync(ct));
        Assert.Equal(new TemporaryItem("data/0123456789abcdef.tmp", 5, written), item);

        File.SetLastWriteTimeUtc(file, written.AddTicks(10));
        Assert.False(await client.DeleteTemporaryAsync(item, ct));
        File.SetLastWriteTimeUtc(file, written);
        Assert.True(await client.DeleteTemporaryAsync(item, ct));
        Assert.False(await client.DeleteTemporaryAsync(item, ct));
        Assert.False(File.Exists(file));
    }
}
