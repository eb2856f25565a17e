using System.Text.Json.Nodes;
using BorgStore.Backends.Files;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Server;

/// <summary>Listings of whole trees in pages.</summary>
public sealed class TreePageTests : IAsyncLifetime
{
    private const int Count = 1000;
    private const int PageSize = 20;

    private readonly string[] _names = [.. Enumerable.Range(0, Count).Select(i => i % 10 == 0 ? $"data/0/{i:0000}" : $"data/{i:0000}").Order(StringComparer.Ordinal)];
    private RecordingFileSystem _fileSystem = null!;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        var scheme = "recording" + Guid.NewGuid().ToString("n");
        var path = "";
        BackendFactory.Register(scheme, (_, options) => new FileBackend(path, options, root => _fileSystem ??= new(FileSystem.For(root))));
        _server = await TestServer.StartAsync(options =>
        {
            path = new Uri(options.Backend).LocalPath;
            return options with { Backend = scheme + ":" };
        });
        Directory.CreateDirectory(Path.Combine(_server.StorePath, "data", "0"));
        foreach (var name in _names) await File.WriteAllBytesAsync(Path.Combine(_server.StorePath, name), [], TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void All_pages_together_read_each_directory_once_and_look_at_each_entry_once()
    {
        using var client = _server.Connect();
        Assert.Equal(_names, ReadPages(client));
        // The three directories are "", "data" and "data/0", two of which are entries themselves.
        Assert.Equal(["list ", "list data", "list data/0"], _fileSystem.Calls);
        Assert.Equal(Count + 2, _fileSystem.Looks);
    }

    [Fact]
    public void Many_listings_at_once_are_complete_though_few_are_remembered()
    {
        using var client = _server.Connect();
        var listings = Enumerable.Range(0, 20).Select(_ => (Found: new List<string>(), After: (string?)"")).ToArray();
        while (listings.Any(listing => listing.After is not null))
            foreach (ref var listing in listings.AsSpan())
                if (listing.After is { } after) listing.After = ReadPage(client, after, 90, listing.Found);
        Assert.All(listings, listing => Assert.Equal(_names, listing.Found));
    }

    [Fact]
    public void A_page_can_be_read_again_with_another_size()
    {
        using var client = _server.Connect();
        var found = new List<string>();
        Assert.Equal(_names[9], ReadPage(client, "", 10, found));
        Assert.Equal(_names[19], ReadPage(client, _names[9], 10, []));
        Assert.Equal(_names[39], ReadPage(client, _names[9], 30, found));
        Assert.Equal(_names[..40], found);
    }

    private static List<string> ReadPages(RawClient client)
    {
        var found = new List<string>();
        for (string? after = ""; after is not null;) after = ReadPage(client, after, PageSize, found);
        return found;
    }

    private static string? ReadPage(RawClient client, string after, int limit, List<string> found)
    {
        var page = JsonNode.Parse(client.Exchange("GET", $"//?cmd=tree&limit={limit}&after={after}").Body)!;
        found.AddRange(page["items"]!.AsArray().Select(item => item!["name"]!.ToString()));
        return page["next"]?.ToString();
    }
}
