namespace BorgStore.Tests.Server;

/// <summary>Every method and command does what it says, and no other.</summary>
public sealed class CommandTests
{
    [Fact]
    public async Task Each_command_of_each_method_has_its_own_answer()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal((200, ""), Send("POST", "/data/a", "value"));
        Assert.Equal((200, "value"), Send("GET", "/data/a"));
        Assert.Equal("5", client.Exchange("HEAD", "/data/a").Headers["Content-Length"]);
        Assert.StartsWith("""[{"name":"a","size":5,"directory":false,"atime":""", Send("GET", "/data/").Text, StringComparison.Ordinal);
        Assert.StartsWith("""{"items":[{"name":"a","size":5,"atime":""", Send("GET", "/data/?cmd=tree").Text, StringComparison.Ordinal);
        Assert.StartsWith("""{"items":[{"name":"data/a","size":5,"atime":""", Send("GET", "/?cmd=tree").Text, StringComparison.Ordinal);
        Assert.Equal((200, "[]"), Send("GET", "/?cmd=temporaries"));
        // An unknown command of GET is a plain one, as in Python's server.
        Assert.Equal((200, "value"), Send("GET", "/data/a?cmd=other"));

        Assert.Equal((200, "cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf724118320619"), Send("POST", "/data/a?cmd=hash"));
        Assert.Equal((200, "alva"), Send("POST", "/?cmd=gather", """[["data/a",1,2],["data/a",0,2]]"""));
        Assert.Equal((200, "data/b"), Send("POST", "/?cmd=defrag&target=data/b", """[["data/a",1,2]]"""));
        Assert.Equal((200, ""), Send("POST", "/?cmd=move&current=data/b&new=data/c"));
        Assert.Equal((200, ""), Send("POST", "/data/dir?cmd=mkdir"));
        Assert.Equal((200, """{"limit": -1, "usage": -1}"""), Send("POST", "/?cmd=quota"));
        Assert.Equal((200, ""), Send("POST", "/?cmd=flush"));
        Assert.Equal(409, Send("POST", "/?cmd=create").Status);
        Assert.Equal((400, "There is no command 'tree' for this method."), Send("POST", "/data/a?cmd=tree"));
        Assert.Equal(["data/a", "data/c"], server.ListFiles());

        Assert.True(Directory.Exists(Path.Combine(server.StorePath, "data", "dir")));
        Assert.Equal((200, ""), Send("DELETE", "/data/dir?cmd=rmdir"));
        Assert.False(Directory.Exists(Path.Combine(server.StorePath, "data", "dir")));
        Assert.Equal((200, ""), Send("DELETE", "/data/c"));
        Assert.Equal((400, "There is no command 'hash' for this method."), Send("DELETE", "/data/a?cmd=hash"));
        await File.WriteAllTextAsync(Path.Combine(server.StorePath, "data", "left.tmp"), "", TestContext.Current.CancellationToken);
        Assert.Equal((200, ""), Send("DELETE", "/?cmd=temporary&id=data/left.tmp&mtime=99999999999"));
        Assert.Equal(["data/a"], server.ListFiles());
        Assert.Equal((200, ""), Send("DELETE", "/?cmd=destroy"));
        Assert.False(Directory.Exists(server.StorePath));

        (int Status, string Text) Send(string method, string target, string? body = null)
        {
            var answer = client.Exchange(method, target, "", method == "POST" ? System.Text.Encoding.UTF8.GetBytes(body ?? "") : null);
            return (answer.Status, answer.Text);
        }
    }
}
