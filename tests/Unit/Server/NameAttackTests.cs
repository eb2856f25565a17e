using System.Text;
using BorgStore.Security;

namespace BorgStore.Tests.Server;

/// <summary>Names that mean one thing to the check of permissions and another to the storage.</summary>
public sealed class NameAttackTests
{
    private const string Map = """{"": "lrwWD", "archives": "lr", "keys": "", "rootsecret": "w"}""";

    [Theory]
    // A NUL would end the name for the system.
    [InlineData("POST", "/?cmd=move&current=archives%00&new=gone", "")]
    [InlineData("POST", "/?cmd=move&current=keys%00&new=mine", "")]
    [InlineData("POST", "/?cmd=move&current=keys/secret%00&new=mine", "")]
    [InlineData("POST", "/?cmd=move&current=data/a%00&new=data/a", "")]
    [InlineData("POST", "/?cmd=move&current=data/a&new=keys/x%00", "")]
    [InlineData("POST", "/?cmd=defrag&target=data/new", """[["rootsecret\u0000", 0, 6]]""")]
    [InlineData("POST", "/?cmd=defrag&algorithm=sha256&namespace=keys%00", """[["data/a", 0, 5]]""")]
    [InlineData("POST", "/?cmd=defrag&target=keys%00/x", """[["data/a", 0, 5]]""")]
    [InlineData("POST", "/?cmd=gather", """[["rootsecret\u0000", 0, 6]]""")]
    [InlineData("POST", "/?cmd=gather", """[["keys/secret\u0000", 0, 6]]""")]
    [InlineData("DELETE", "/?cmd=temporary&id=data/a%00.tmp&mtime=99999999999", "")]
    // A name has only one spelling.
    [InlineData("POST", "/?cmd=move&current=./keys/secret&new=mine", "")]
    [InlineData("POST", "/?cmd=move&current=data//a&new=mine", "")]
    [InlineData("POST", "/?cmd=gather", """[["./keys/secret", 0, 6]]""")]
    [InlineData("POST", "/?cmd=gather", """[["data/../keys/secret", 0, 6]]""")]
    [InlineData("POST", "/?cmd=gather", """[["", 0, 6]]""")]
    [InlineData("DELETE", "/?cmd=temporary&id=./keys/left.tmp&mtime=99999999999", "")]
    [InlineData("DELETE", "/?cmd=temporary&id=data/../keys/left.tmp&mtime=99999999999", "")]
    [InlineData("DELETE", "/?cmd=temporary&id=//keys/left.tmp&mtime=99999999999", "")]
    // Other control characters, and an empty key before the suffix of soft deletion.
    [InlineData("POST", "/?cmd=move&current=data/a&new=data/a%01", "")]
    [InlineData("POST", "/?cmd=move&current=data/a%7f&new=data/b", "")]
    [InlineData("POST", "/?cmd=gather", """[["data/a\n", 0, 1]]""")]
    [InlineData("POST", "/data/.del", "value")]
    [InlineData("POST", "/.del", "value")]
    [InlineData("POST", "/?cmd=move&current=data/a&new=data/.del", "")]
    public async Task Malicious_names_are_rejected_and_change_nothing(string method, string target, string body)
    {
        await using var server = await TestServer.StartAsync(options => options with { Permissions = PermissionMap.Parse(Map), Quota = 1000 });
        foreach (var (name, value) in new[] { ("data/a", "value"), ("archives/one", ""), ("keys/secret", "secret"), ("keys/left.tmp", "secret"), ("rootsecret", "secret") })
        {
            var file = Path.Combine(server.StorePath, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, value, TestContext.Current.CancellationToken);
        }
        var files = server.ListFiles();
        using var client = server.Connect();
        Assert.Equal("""{"limit": 1000, "usage": 17}""", client.Exchange("POST", "/?cmd=quota").Text);

        var answer = client.Exchange(method, target, "", Encoding.UTF8.GetBytes(body));

        Assert.Equal(400, answer.Status);
        Assert.DoesNotContain("secret", answer.Text.Replace("keys/secret", "", StringComparison.Ordinal).Replace("rootsecret", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(files, server.ListFiles());
        Assert.Equal("""{"limit": 1000, "usage": 17}""", client.Exchange("POST", "/?cmd=quota").Text);
    }

    [Fact]
    public async Task A_very_long_id_is_rejected()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        foreach (var id in new[] { new string('a', 3000) + ".tmp", new string('a', 300) + ".tmp", "data/" + new string('b', 256) + ".tmp" })
            Assert.Equal(400, client.Exchange("DELETE", $"/?cmd=temporary&id={id}&mtime=99999999999").Status);
    }
}
