using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BorgStore.Tests.Server.Page;

/// <summary>What the page for administrators shows and does, on a server with one store.</summary>
public sealed class PageTests
{
    [Fact]
    public async Task A_store_is_counted_in_the_background_once_and_again_when_asked()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true, Quota = 1000 });
        Store(server, "data/a", "12345");
        Store(server, "data/b.del", "123");
        using var client = new PageClient(server.Address);

        var store = (await client.WaitAsync("api/stores", IsCounted)).GetProperty("stores")[0];
        Assert.Equal("", store.GetProperty("name").GetString());
        Assert.Equal(new Uri(server.StorePath).AbsoluteUri, store.GetProperty("title").GetString());
        var count = store.GetProperty("count");
        Assert.Equal((1, 5, 1, 3), (Number(count, "items"), Number(count, "bytes"), Number(count, "deletedItems"), Number(count, "deletedBytes")));
        Assert.Equal(File.GetLastWriteTimeUtc(Path.Combine(server.StorePath, "data", "b.del")), count.GetProperty("lastWrite").GetDateTime());
        Assert.Equal((1000, 8), (Number(store.GetProperty("quota"), "limit"), Number(store.GetProperty("quota"), "used")));

        Store(server, "data/c", "1");
        var before = count.GetProperty("time").GetDateTime();
        Assert.Equal(before, (await client.GetAsync("api/stores")).GetProperty("stores")[0].GetProperty("count").GetProperty("time").GetDateTime());
        Assert.Equal(HttpStatusCode.Accepted, await client.GetStatusAsync("POST", "api/count?store="));
        count = (await client.WaitAsync("api/stores", stores => IsCounted(stores) && Count(stores).GetProperty("time").GetDateTime() > before)).GetProperty("stores")[0].GetProperty("count");
        Assert.Equal(2, Number(count, "items"));
    }

    [Fact]
    public async Task A_missing_store_is_shown_with_the_reason()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true }, create: false);
        using var client = new PageClient(server.Address);
        var count = Count(await client.WaitAsync("api/stores", stores => Count(stores).GetProperty("error").ValueKind == JsonValueKind.String));
        Assert.Contains("no store exists", count.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, count.GetProperty("items").ValueKind);
    }

    [Fact]
    public async Task A_verification_finds_what_is_damaged()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true });
        for (var i = 0; i < 20; i++) StoreHashed(server, $"value {i}");
        var name = $"data/{Convert.ToHexStringLower(SHA256.HashData("good"u8))}";
        Store(server, name, "bad");
        using var client = new PageClient(server.Address);
        Assert.Equal(HttpStatusCode.NoContent, await client.GetStatusAsync("GET", "api/verification?store="));
        await client.WaitAsync("api/stores", IsCounted);

        Assert.Equal(HttpStatusCode.Accepted, await client.GetStatusAsync("POST", "api/verification?store="));
        var result = await client.WaitAsync("api/verification?store=", verification => verification.GetProperty("ended").ValueKind != JsonValueKind.Null);
        Assert.Equal(("complete", 21, 21, 1), (result.GetProperty("state").GetString(), Number(result, "items"), Number(result, "totalItems"), Number(result, "problems")));
        var finding = Assert.Single(result.GetProperty("findings").EnumerateArray());
        Assert.Equal(("Damaged", name), (finding.GetProperty("problem").GetString(), finding.GetProperty("name").GetString()));

        // The list of stores has the result without its findings.
        var listed = (await client.GetAsync("api/stores")).GetProperty("stores")[0].GetProperty("verification");
        Assert.Equal((1, JsonValueKind.Null), (Number(listed, "problems"), listed.GetProperty("findings").ValueKind));
    }

    [Fact]
    public async Task A_verification_that_cannot_run_says_why()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true });
        using var client = new PageClient(server.Address);
        await client.GetStatusAsync("POST", "api/verification?store=");
        var result = await client.WaitAsync("api/verification?store=", verification => verification.GetProperty("ended").ValueKind != JsonValueKind.Null);
        Assert.Equal("failed", result.GetProperty("state").GetString());
        Assert.Contains("There is nothing to verify", result.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Traffic_and_warnings_are_shown()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true, Username = "root", Password = "fig", Warnings = ["The disk is old."] });
        var login = Users.UsersServer.Basic("root", "fig");
        using var raw = server.Connect();
        Assert.Equal(200, raw.Exchange("POST", "/data/a", login, new byte[100_000]).Status);
        Assert.Equal(200, raw.Exchange("GET", "/data/a", login).Status);
        Assert.Equal(401, raw.Exchange("GET", "/data/a", Users.UsersServer.Basic("eve", "guess")).Status);

        using var client = new PageClient(server.Address);
        Assert.Equal(HttpStatusCode.OK, await client.LogInAsync("root", "fig"));
        var live = await client.WaitAsync("api/live", live => Sum(live, "requests") > 0);
        foreach (var samples in new[] { "received", "sent", "mean", "slowest" }) Assert.True(Sum(live, samples) > 0, samples);
        Assert.Equal("eve", Assert.Single(live.GetProperty("logins").EnumerateArray()).GetProperty("user").GetString());
        var warning = Assert.Single(live.GetProperty("errors").EnumerateArray());
        Assert.Equal(("warning", "The disk is old."), (warning.GetProperty("level").GetString(), warning.GetProperty("text").GetString()));
    }

    private static double Sum(JsonElement live, string samples) => live.GetProperty("samples").GetProperty(samples).EnumerateArray().Sum(sample => sample.GetDouble());

    private static bool IsCounted(JsonElement stores) => !Count(stores).GetProperty("isRunning").GetBoolean();

    private static JsonElement Count(JsonElement stores) => stores.GetProperty("stores")[0].GetProperty("count");

    private static long Number(JsonElement element, string property) => element.GetProperty(property).GetInt64();

    private static void StoreHashed(TestServer server, string value) => Store(server, $"data/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))}", value);

    private static void Store(TestServer server, string name, string value)
    {
        var file = Path.Combine(server.StorePath, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, value);
    }
}
