using System.Text.Json.Nodes;
using BorgStore.Tests.Rclone;

namespace BorgStore.Tests.Server;

/// <summary>The texts and values that clients of the Python package look for in responses.</summary>
public sealed class ErrorMessageTests
{
    [Fact]
    public async Task Error_messages_contain_the_words_that_clients_look_for()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        client.Exchange("POST", "/data/a", "", new byte[10]);
        AssertSays(400, "Unsupported hash algorithm", client.Exchange("POST", "/data/a?cmd=hash&algorithm=nosuch", "", []));
        AssertSays(400, "Missing target or algorithm", client.Exchange("POST", "/?cmd=defrag", "", "[]"u8.ToArray()));
        AssertSays(416, "Read range error from data/a", client.Exchange("POST", "/?cmd=defrag&target=data/b", "", "[[\"data/a\", 5, 6]]"u8.ToArray()));
        client.Send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        AssertSays(406, "Not Acceptable", client.Receive());
    }

    [Fact]
    public async Task Only_the_directory_of_an_empty_store_can_be_removed()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/a", "", [1]).Status);
        AssertSays(400, "not empty", client.Exchange("DELETE", "/?cmd=rmdir"));
        Assert.Equal(200, client.Exchange("DELETE", "/a").Status);
        Assert.Equal(200, client.Exchange("DELETE", "/?cmd=rmdir").Status);
        Assert.False(Directory.Exists(server.StorePath));
    }

    [Fact]
    public async Task A_modification_time_not_set_by_the_storage_is_unknown()
    {
        RcloneProgram.Require();
        await using var server = await TestServer.StartAsync();
        await using var behindRclone = await TestServer.StartAsync(options => options with { Backend = "rclone:" + server.StorePath });
        foreach (var (tested, isKnown) in new[] { (server, true), (behindRclone, false) })
        {
            using var client = tested.Connect();
            Assert.Equal(200, client.Exchange("POST", "/data/a", "", [1]).Status);
            Assert.Equal(isKnown, client.Exchange("HEAD", "/data/a").Headers["X-BorgStore-Mtime"] != "0.0");
            foreach (var item in new[] { JsonNode.Parse(client.Exchange("GET", "/data/").Text)![0]!, JsonNode.Parse(client.Exchange("GET", "/data/?cmd=tree").Text)!["items"]![0]! })
                Assert.Equal(isKnown, (double)item["mtime"]! > 0);
        }
    }

    private static void AssertSays(int status, string words, RawAnswer answer)
    {
        Assert.Equal(status, answer.Status);
        Assert.Contains(words, answer.Text, StringComparison.Ordinal);
    }
}
