using System.Globalization;
using System.Net;
using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Backends.Rclone.Listing;

namespace BorgStore.Tests.Rclone;

/// <summary>The items and their order in rclone's listings, however the data arrives.</summary>
public sealed class RcloneListingTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task A_listing_is_parsed_in_pieces_of_any_size(int pieceSize)
    {
        const string Json = """
            {"other":[{"Path":"no"}, 1, null], "list":[
              {"Path":"data/a","Name":"a","Size":12,"MimeType":"x","ModTime":"2026-11-22T17:52:21.241238320+02:00","IsDir":false,
               "Hashes":{"Path":"no","Size":5},"Metadata":{"IsDir":true}},
              {"Path":"data/ü\"","Size":-1,"ModTime":"","IsDir":true,"Tier":["Path"]},
              {}
            ]}
            """;
        var items = await ReadAsync(Encoding.UTF8.GetBytes(Json), pieceSize);
        Assert.Equal(["no", "data/a", "data/ü\"", ""], items.Select(item => item.Name));
        Assert.Equal([0, 12, 0, 0], items.Select(item => item.Size));
        Assert.Equal([false, false, true, false], items.Select(item => item.IsDirectory));
        Assert.Equal(DateTime.Parse("2026-11-22T15:52:21.2412383Z", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind), items[1].LastWriteTime);
        Assert.Null(items[2].LastWriteTime);
    }

    [Fact]
    public async Task A_long_listing_is_parsed_completely()
    {
        var json = new StringBuilder("{\"list\":[");
        for (var i = 0; i < 20_000; i++) json.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "," : "")}{{\"Path\":\"data/{i:x8}{new string('z', i % 97)}\",\"Size\":{i}}}");
        // A single token longer than the buffer.
        json.Append(",{\"Path\":\"").Append('y', 300_000).Append("\"}]}");
        var items = await ReadAsync(Encoding.UTF8.GetBytes(json.ToString()), 10_000);
        Assert.Equal(20_001, items.Count);
        Assert.Equal(300_000, items[^1].Name.Length);
        Assert.Equal(19_999, items[^2].Size);
    }

    [Theory]
    [InlineData("{\"list\":[{\"Path\":\"a\"}")]
    [InlineData("not json")]
    [InlineData("")]
    public async Task A_truncated_listing_is_a_BackendFailure(string json)
    {
        var failure = await Assert.ThrowsAsync<RcloneFailure>(() => ReadAsync(Encoding.UTF8.GetBytes(json), 100));
        Assert.Equal(StoreError.BackendFailure, failure.Error);
    }

    [Fact]
    public async Task A_tree_listing_has_the_same_order_in_one_call_and_directory_by_directory()
    {
        RcloneProgram.Require();
        using var folder = new TemporaryFolder();
        string[] names = ["a", "a-1", "a.1", "b/x", "b-1", "b/a/z", "b/0", "c/d/e/f", "c/d-1", "c/d.e", "0/1", "z"];
        var orders = new List<List<string>>();
        foreach (var url in new[] { "rclone:" + folder.Combine("store"), $"rclone::memory:{Guid.NewGuid():n}" })
        {
            await using var store = new RcloneBackend(url);
            await store.CreateAsync(default);
            await store.OpenAsync(default);
            foreach (var name in names) await store.StoreAsync("top/" + name, new byte[] { 1 }, StoreMode.Overwrite, default);
            orders.Add([]);
            await foreach (var item in store.ListAsync("top", ListScope.Tree, default)) orders[^1].Add(item.Name);
            var walked = new List<string>();
            await foreach (var item in TreeWalk.ListAsync(store, "top", "", default)) walked.Add(item.Name);
            Assert.Equal(walked, orders[^1]);
        }
        Assert.Equal(names.Length, orders[0].Count);
        Assert.Equal(orders[0], orders[1]);
    }

    private static async Task<List<ItemInfo>> ReadAsync(byte[] json, int pieceSize)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new PieceStream(json, pieceSize)) };
        using var answer = new RcloneResponse(null!, response, () => { });
        var items = new List<ItemInfo>();
        await foreach (var item in RcloneListReader.ReadAsync(answer, default)) items.Add(item);
        return items;
    }

    private sealed class PieceStream(byte[] bytes, int pieceSize) : ReadOnlyStream
    {
        private int _position;

        public override long Length => throw new NotSupportedException();

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(Math.Min(buffer.Length, pieceSize), bytes.Length - _position);
            bytes.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
    }
}
