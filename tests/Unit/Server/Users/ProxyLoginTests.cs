using BorgStore.Server;

namespace BorgStore.Tests.Server.Users;

/// <summary>Logins by the header of a proxy.</summary>
public sealed class ProxyLoginTests
{
    private const string Rights = """{ "users": { "anna": { "stores": { "photos": "all" } }, "Zoë": { "stores": { "photos": "read-only" } } } }""";
    private static readonly Dictionary<string, string> Passwords = new() { ["anna"] = "pear" };

    [Theory]
    [InlineData("X-Forwarded-User: anna\r\n", 200)]
    [InlineData("x-forwarded-user:  anna \r\n", 200)]
    [InlineData("X-Forwarded-User: Zo\u00c3\u00ab\r\n", 200)]
    [InlineData("X-Forwarded-User: ben\r\n", 410)]
    [InlineData("X-Forwarded-User: anna\r\nX-Forwarded-User: ben\r\n", 401)]
    [InlineData("X-Forwarded-User: ben, anna\r\n", 401)]
    [InlineData("X-Forwarded-User: a:b\r\n", 401)]
    [InlineData("X-Forwarded-User: \r\n", 401)]
    [InlineData("X_Forwarded_User: anna\r\n", 401)]
    [InlineData("", 401)]
    public async Task A_trusted_proxy_names_one_user(string header, int status)
    {
        await using var server = await StartAsync("127.0.0.1");
        using var client = server.Connect();
        Assert.Equal(status, client.Exchange("GET", "/photos/data/a", header).Status);
    }

    [Fact]
    public async Task The_header_of_others_is_ignored()
    {
        await using var server = await StartAsync("10.0.0.0/8");
        using var client = server.Connect();
        Assert.Equal(401, client.Exchange("GET", "/photos/data/a", "X-Forwarded-User: anna\r\n").Status);
        Assert.Equal(401, client.Exchange("GET", "/photos/data/a", "X-Forwarded-User: anna\r\nX-Forwarded-For: 10.0.0.1\r\n").Status);
        Assert.Equal(200, client.Exchange("GET", "/photos/data/a", "X-Forwarded-User: ben\r\n" + UsersServer.Basic("anna", "pear")).Status);
    }

    [Fact]
    public async Task Without_the_header_a_password_is_needed_as_usual()
    {
        await using var server = await StartAsync("127.0.0.1");
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("GET", "/photos/data/a", UsersServer.Basic("anna", "pear")).Status);
        Assert.Equal(401, client.Exchange("GET", "/photos/data/a", UsersServer.Basic("anna", "wrong")).Status);
    }

    [Fact]
    public async Task The_header_has_no_meaning_without_the_option()
    {
        await using var server = await UsersServer.StartAsync(Rights, Passwords, options => options with { TrustedProxies = ["127.0.0.1"] });
        using var client = server.Connect();
        Assert.Equal(401, client.Exchange("GET", "/photos/data/a", "X-Forwarded-User: anna\r\n").Status);
    }

    [Theory]
    [InlineData("needs '--trusted-proxy'", "--proxy-user-header", "X-Forwarded-User")]
    [InlineData("header of HTTP itself", "--proxy-user-header", "Authorization", "--trusted-proxy", "unix")]
    [InlineData("address of the client", "--proxy-user-header", "X-Forwarded-For", "--trusted-proxy", "unix")]
    [InlineData("is not the name of a header", "--proxy-user-header", "X User", "--trusted-proxy", "unix")]
    public void A_mistake_in_the_option_is_explained(string expected, params string[] arguments)
        => Assert.Contains(expected, Assert.Throws<StoreException>(() => CommandLine.Parse(["--root", "/srv", .. arguments])).Message, StringComparison.Ordinal);

    private static async Task<UsersServer> StartAsync(string proxy)
    {
        var server = await UsersServer.StartAsync(Rights, Passwords, options => options with { TrustedProxies = [proxy], ProxyUserHeader = "X-Forwarded-User" });
        server.MakeStore("photos", ("data/a", "value"));
        return server;
    }
}
