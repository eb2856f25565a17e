using System.Text;
using BorgStore.Hashing;
using BorgStore.Server;

namespace BorgStore.Tests.Server;

/// <summary>Namespaces whose values must be named by their hash.</summary>
public sealed class ContentHashTests
{
    private static readonly byte[] Value = "value"u8.ToArray();
    private static readonly string Sha256 = HashKind.Sha256.ComputeHex(Value);
    private static readonly string Blake3 = HashKind.Blake3.ComputeHex(Value);

    [Theory]
    [InlineData("data", "sha256", 0)]
    [InlineData("data", "sha256", 5)]
    [InlineData("data", "sha256", 5 << 20)]
    [InlineData("packs", "blake3", 0)]
    [InlineData("packs", "blake3", 5)]
    [InlineData("packs", "blake3", 5 << 20)]
    public async Task Only_a_value_with_the_hash_that_is_its_name_is_stored(string ns, string algorithm, int size)
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        var value = new byte[size];
        new Random(size).NextBytes(value);
        var hash = HashKind.Parse(algorithm).ComputeHex(value);
        var name = $"/{ns}/{hash[..2]}/{hash}";
        byte[] wrong = size == 0 ? [1] : [.. value[..^1], (byte)(value[^1] ^ 1)];

        var refusal = client.Exchange("POST", name, "", wrong);
        Assert.Equal((422, "HashMismatch"), (refusal.Status, refusal.Headers["X-BorgStore-Error"]));
        Assert.Contains(hash, refusal.Text, StringComparison.Ordinal);
        Assert.Equal(422, SendInChunks(client, name, wrong).Status);
        // A client that announces the hash of what it sends is not believed about the name.
        Assert.Equal(422, client.Exchange("POST", name, $"X-Content-hash-sha256: {HashKind.Sha256.ComputeHex(wrong)}\r\n", wrong).Status);
        Assert.Empty(server.ListFiles());

        Assert.Equal(200, client.Exchange("POST", name, "", value).Status);
        Assert.Equal(422, client.Exchange("POST", name, "", wrong).Status);
        Assert.Equal(value, client.Exchange("GET", name).Body);
        Assert.Equal(200, client.Exchange("DELETE", name).Status);
        Assert.Equal(200, SendInChunks(client, name, value).Status);
        Assert.Equal(value, client.Exchange("GET", name).Body);
    }

    [Theory]
    [InlineData("X-Content-hash-sha256: 0000000000000000000000000000000000000000000000000000000000000000\r\n", 422, null)]
    [InlineData("Want-Repr-Digest: sha-256=1\r\n", 200, "sha-256=:")]
    public async Task The_headers_about_the_hash_work_as_elsewhere(string header, int status, string? digest)
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        foreach (var name in new[] { $"/data/{Sha256}", $"/packs/{Blake3}" })
        {
            var answer = client.Exchange("POST", name, header, Value);
            Assert.Equal(status, answer.Status);
            Assert.Equal(digest is null ? null : digest + Convert.ToBase64String(Convert.FromHexString(Sha256)) + ":", answer.Headers.GetValueOrDefault("Repr-Digest"));
        }
    }

    [Theory]
    [InlineData("data/a")]
    [InlineData("data")]
    [InlineData("data/HASH/a")]
    [InlineData("data/a/HASH")]
    [InlineData("data/HASHa")]
    [InlineData("data/UPPER")]
    [InlineData("packs/HASH.old")]
    public async Task A_name_that_is_no_hash_is_refused_before_the_value_is_sent(string name)
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        name = name.Replace("HASH", Sha256, StringComparison.Ordinal).Replace("UPPER", Sha256.ToUpperInvariant(), StringComparison.Ordinal);
        client.Send(RawClient.Request("POST", "/" + name, "Expect: 100-continue\r\n", 100_000));
        var refusal = client.Receive();
        Assert.Equal((400, "InvalidName"), (refusal.Status, refusal.Headers["X-BorgStore-Error"]));
        Assert.Empty(server.ListFiles());
    }

    [Fact]
    public async Task Soft_deletion_and_levels_change_names_and_nothing_else_does()
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        var (flat, nested) = ($"data/{Sha256}", $"data/{Sha256[..2]}/{Sha256}");
        Assert.Equal(200, client.Exchange("POST", "/" + flat, "", Value).Status);
        foreach (var (from, to) in new[] { (flat, flat + ".del"), (flat + ".del", flat), (flat, nested), (nested, nested + ".del"), (nested + ".del", flat) })
            Assert.Equal(200, Move(from, to).Status);

        Assert.Equal(200, client.Exchange("POST", "/other/a", "", "x"u8.ToArray()).Status);
        Assert.Equal(200, client.Exchange("POST", $"/other/sub/{new string('0', 64)}", "", "x"u8.ToArray()).Status);
        var before = server.ListFiles();
        var target = $"data/{new string('0', 64)}";
        foreach (var (from, to, status) in new[]
        {
            (flat, target, 403), (flat, target + ".del", 403), ("other/a", target, 403), ("other/a", flat, 403), ($"other/sub/{new string('0', 64)}", target, 403),
            ("other/sub", "data/00", 400), ("other/sub", "data", 400), ("other", "deep", 403), ("other/a", "data/a", 400), (flat, $"packs/{Sha256}", 403),
        })
            Assert.Equal((status, from, to), (Move(from, to).Status, from, to));
        Assert.Equal(before, server.ListFiles());
        Assert.Equal(200, Move(flat, "other/b").Status);

        RawAnswer Move(string from, string to) => client.Exchange("POST", $"/?cmd=move&current={from}&new={to}");
    }

    [Fact]
    public async Task A_defragmentation_names_its_result_by_the_same_hash()
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", $"/data/{Sha256}", "", Value).Status);
        var blocks = Encoding.UTF8.GetBytes($"""[["data/{Sha256}", 0, 2], ["data/{Sha256}", 2, 3]]""");
        foreach (var query in new[] { $"target=packs/{Blake3}", $"target=data/{Sha256}", "algorithm=sha256&namespace=packs", "algorithm=blake3&namespace=data" })
            Assert.Equal(403, client.Exchange("POST", $"/?cmd=defrag&{query}", "", blocks).Status);
        Assert.Equal(400, client.Exchange("POST", "/?cmd=defrag&algorithm=blake3&namespace=packs/sub", "", blocks).Status);
        Assert.Equal([$"data/{Sha256}"], server.ListFiles());
        Assert.Equal($"packs/{Blake3[..2]}/{Blake3}", client.Exchange("POST", "/?cmd=defrag&algorithm=blake3&namespace=packs&levels=1", "", blocks).Text);
        Assert.Equal(200, client.Exchange("POST", $"/?cmd=defrag&target=other/any", "", blocks).Status);
    }

    [Theory]
    [InlineData("data", "is not of the form")]
    [InlineData("=sha256", "is not of the form")]
    [InlineData("data=md6", "is not one of md5")]
    [InlineData("Data/=sha256", "is not the name of a namespace")]
    [InlineData("data=sha256,data=blake3", "twice")]
    public void A_mistake_in_the_option_is_explained(string text, string expected)
        => Assert.Contains(expected, Assert.Throws<StoreException>(() => CommandLine.Parse(["--backend", "file:///x", "--content-hash", text])).Message, StringComparison.Ordinal);

    private static Task<TestServer> StartAsync()
        => TestServer.StartAsync(options => options with { ContentHashes = CommandLine.Parse(["--backend", "file:///x", "--content-hash", "packs=blake3,data=SHA-256", "--content-hash", "deep/er=sha1"]).ContentHashes });

    private static RawAnswer SendInChunks(RawClient client, string name, byte[] value)
    {
        client.Send(RawClient.Request("POST", name, "Transfer-Encoding: chunked\r\n"));
        foreach (var chunk in value.Chunk(1 << 20))
        {
            client.Send($"{chunk.Length:x}\r\n");
            client.Send(chunk);
            client.Send("\r\n");
        }
        client.Send("0\r\n\r\n");
        return client.Receive();
    }
}
