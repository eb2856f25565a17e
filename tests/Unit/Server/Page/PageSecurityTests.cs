using System.Net;
using System.Text;
using BorgStore.Server;
using BorgStore.Tests.Caching;
using BorgStore.Tests.Server.Users;

namespace BorgStore.Tests.Server.Page;

/// <summary>Who sees the page for administrators, and what others can do with it.</summary>
public sealed class PageSecurityTests
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private const string Rights = """
        { "users": { "root": { "admin": true }, "anna": { "stores": { "annas": "all", "shared": "read-only" } }, "ben": { "stores": { "bens": "all", "shared": "all" } } } }
        """;

    private static readonly Dictionary<string, string> Passwords = new() { ["root"] = "fig", ["anna"] = "pear", ["ben"] = "plum" };

    private static readonly (string Method, string Path)[] Requests =
    [
        ("GET", "api/session"), ("DELETE", "api/session"), ("GET", "api/live"), ("GET", "api/stores"), ("POST", "api/count?store=annas"),
        ("GET", "api/verification?store=annas"), ("POST", "api/verification?store=annas"), ("DELETE", "api/verification?store=annas"),
    ];

    [Fact]
    public async Task Without_the_option_there_is_no_page()
    {
        await using var server = await TestServer.StartAsync();
        using var client = new PageClient(server.Address);
        foreach (var path in new[] { "", "page.js", "api/session", "api/stores" })
            Assert.Equal(HttpStatusCode.NotAcceptable, await client.GetStatusAsync("GET", path));
    }

    [Fact]
    public void The_option_is_refused_on_stdin_and_stdout()
    {
        var refused = Assert.Throws<StoreException>(() => CommandLine.Parse(["--backend", "file:///srv/store", "--stdio", "--page"]));
        Assert.Contains("'--page' has no use on stdin and stdout", refused.Message, StringComparison.Ordinal);
        Assert.True(CommandLine.Parse(["--backend", "file:///srv/store", "--page"]).Page);
    }

    [Fact]
    public async Task A_client_of_a_store_reaches_its_items_all_the_same()
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true });
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/-/api/live", body: "value"u8.ToArray()).Status);
        Assert.Equal("value", client.Exchange("GET", "/-/api/live").Text);
    }

    [Theory]
    [InlineData("", "text/html; charset=utf-8")]
    [InlineData("index.html", "text/html; charset=utf-8")]
    [InlineData("page.js", "text/javascript; charset=utf-8")]
    [InlineData("page.css", "text/css; charset=utf-8")]
    [InlineData("icon.svg", "image/svg+xml")]
    [InlineData("missing", "application/json")]
    [InlineData("api/session", "application/json")]
    [InlineData("api/missing", "application/json")]
    public async Task Every_response_forbids_what_the_page_does_not_need(string path, string type)
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        using var response = await client.SendAsync("GET", path);
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Equal(Policy, response.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", response.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(response.Headers.CacheControl is { NoStore: true } or { NoCache: true });
        if (path.StartsWith("api/", StringComparison.Ordinal)) Assert.True(response.Headers.CacheControl!.NoStore);
    }

    [Fact]
    public async Task The_files_take_nothing_from_elsewhere_and_make_no_HTML_of_texts()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        foreach (var name in new[] { "index.html", "page.js", "api.js", "charts.js", "dom.js", "stores.js", "verification.js", "page.css" })
        {
            using var response = await client.SendAsync("GET", name);
            var text = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
            Assert.NotEmpty(text);
            foreach (var word in new[] { "//cdn", "http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick=" })
                Assert.DoesNotContain(word, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_login_nothing_is_shown_or_done()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        foreach (var cookie in new[] { null, $"borgstore-page-{server.Address.Port}=", $"borgstore-page-{server.Address.Port}={new string('A', 43)}" })
        {
            client.Cookie = cookie;
            foreach (var (method, path) in Requests) Assert.Equal(HttpStatusCode.Unauthorized, await client.GetStatusAsync(method, path));
        }
        // Nor with what is enough for a store.
        client.Headers["Authorization"] = "Basic " + Convert.ToBase64String("root:fig"u8);
        Assert.Equal(HttpStatusCode.Unauthorized, await client.GetStatusAsync("GET", "api/stores"));
    }

    [Fact]
    public async Task Another_site_can_not_make_a_browser_send_requests()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        Assert.Equal(HttpStatusCode.OK, await client.LogInAsync("root", "fig"));
        var all = Requests.Append(("POST", "api/session")).ToArray();

        client.Headers.Remove("X-BorgStore-Page");
        foreach (var (method, path) in all) Assert.Equal(HttpStatusCode.Forbidden, await client.GetStatusAsync(method, path, method == "POST" ? new { user = "root", password = "fig" } : null));
        client.Headers["X-BorgStore-Page"] = "1";
        client.Headers["Sec-Fetch-Site"] = "cross-site";
        foreach (var (method, path) in all) Assert.Equal(HttpStatusCode.Forbidden, await client.GetStatusAsync(method, path, method == "POST" ? new { user = "root", password = "fig" } : null));
        client.Headers["Sec-Fetch-Site"] = "same-origin";
        Assert.Equal(HttpStatusCode.OK, await client.GetStatusAsync("GET", "api/session"));
        Assert.Equal(HttpStatusCode.NoContent, await client.GetStatusAsync("DELETE", "api/session"));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("https", true)]
    public async Task The_cookie_of_a_session_stays_in_the_page(string? protocol, bool isSecure)
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        if (protocol is not null) client.Headers["X-Forwarded-Proto"] = protocol;
        using var response = await client.SendAsync("POST", "api/session", new { user = "root", password = "fig" });
        var attributes = response.Headers.GetValues("Set-Cookie").Single().Split("; ")[1..];
        Assert.Equal(["path=/-/", .. isSecure ? new[] { "secure" } : [], "samesite=strict", "httponly"], attributes);
    }

    [Fact]
    public async Task A_session_ends_with_the_logout()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        await client.LogInAsync("root", "fig");
        var cookie = client.Cookie;
        Assert.Equal(HttpStatusCode.OK, await client.GetStatusAsync("GET", "api/stores"));
        Assert.Equal(HttpStatusCode.NoContent, await client.GetStatusAsync("DELETE", "api/session"));
        client.Cookie = cookie;
        Assert.Equal(HttpStatusCode.Unauthorized, await client.GetStatusAsync("GET", "api/stores"));
    }

    [Theory]
    [InlineData(29, 20, true)]
    [InlineData(31, 1, false)]
    [InlineData(29, 25, false)]
    public async Task A_session_ends_when_it_was_not_used_for_half_an_hour_or_is_half_a_day_old(int minutes, int times, bool isOpen)
    {
        var clock = new ManualClock();
        await using var server = await StartAsync(options => options with { Time = clock });
        using var client = new PageClient(server.Address);
        await client.LogInAsync("root", "fig");
        var status = HttpStatusCode.OK;
        for (var i = 0; i < times; i++)
        {
            clock.Advance(TimeSpan.FromMinutes(minutes));
            status = await client.GetStatusAsync("GET", "api/stores");
        }
        Assert.Equal(isOpen ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, status);
    }

    [Fact]
    public async Task A_session_ends_when_the_password_is_changed()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        await client.LogInAsync("root", "fig");
        Assert.Equal(HttpStatusCode.OK, await client.GetStatusAsync("GET", "api/stores"));
        server.WriteUsers(new Dictionary<string, string> { ["root"] = "another fig" });
        while (await client.GetStatusAsync("GET", "api/stores") == HttpStatusCode.OK) await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, await client.GetStatusAsync("GET", "api/stores"));
    }

    [Theory]
    [InlineData("root", "wrong")]
    [InlineData("nobody", "fig")]
    [InlineData("root:fig", "")]
    [InlineData("", "")]
    public async Task A_wrong_login_is_refused_logged_and_shown_to_administrators(string user, string password)
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        Assert.Equal(HttpStatusCode.Unauthorized, await client.LogInAsync(user, password));
        Assert.Null(client.Cookie);
        await client.LogInAsync("root", "fig");
        var live = await client.GetAsync("api/live");
        var login = Assert.Single(live.GetProperty("logins").EnumerateArray());
        Assert.Equal((user, "127.0.0.1", 1), (login.GetProperty("user").GetString(), login.GetProperty("client").GetString(), login.GetProperty("count").GetInt32()));
        // It has a list of its own.
        Assert.Empty(live.GetProperty("errors").EnumerateArray());
        if (user is "root" or "nobody") Assert.Contains($"Login refused: user {user} from 127.0.0.1", server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("{}")]
    [InlineData("""{"user": "root"}""")]
    [InlineData("""{"user": 1, "password": []}""")]
    public async Task A_login_of_another_form_is_refused(string body)
    {
        await using var server = await StartAsync();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, "/-/api/session")) { Content = new StringContent(body, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };
        request.Headers.Add("X-BorgStore-Page", "1");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task A_long_login_is_refused()
    {
        await using var server = await StartAsync();
        using var client = new PageClient(server.Address);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await client.LogInAsync("root", new string('x', 20_000)));
    }

    [Fact]
    public async Task A_user_sees_own_stores_alone_and_verifies_nothing()
    {
        await using var server = await StartAsync();
        foreach (var store in new[] { "annas", "bens", "shared" }) server.MakeStore(store, ("data/a", "value"));
        using var raw = server.Connect();
        Assert.Equal(401, raw.Exchange("GET", "/bens/data/a", UsersServer.Basic("ben", "wrong")).Status);
        using var client = new PageClient(server.Address);
        await client.LogInAsync("anna", "pear");

        Assert.False((await client.GetAsync("api/session")).GetProperty("isAdmin").GetBoolean());
        var stores = await client.GetAsync("api/stores");
        Assert.Equal(["annas", "shared"], stores.GetProperty("stores").EnumerateArray().Select(store => store.GetProperty("name").GetString()!));
        var live = await client.GetAsync("api/live");
        foreach (var property in new[] { "samples", "logins", "errors" }) Assert.Equal(System.Text.Json.JsonValueKind.Null, live.GetProperty(property).ValueKind);

        Assert.Equal(HttpStatusCode.Accepted, await client.GetStatusAsync("POST", "api/count?store=annas"));
        // One of another user answers like one that does not exist.
        foreach (var store in new[] { "bens", "missing", "../annas", "" })
            Assert.Equal(HttpStatusCode.NotFound, await client.GetStatusAsync("POST", $"api/count?store={store}"));
        foreach (var method in new[] { "GET", "POST", "DELETE" })
            Assert.Equal(HttpStatusCode.Forbidden, await client.GetStatusAsync(method, "api/verification?store=annas"));
    }

    [Fact]
    public async Task A_user_sees_own_transfers_alone()
    {
        await using var server = await StartAsync();
        foreach (var store in new[] { "annas", "bens" }) server.MakeStore(store, ("data/a", "value"));
        using var annas = server.Connect();
        using var bens = server.Connect();
        // A value that never ends.
        annas.Send(RawClient.Request("POST", "/annas/data/mine", UsersServer.Basic("anna", "pear"), length: 1_000_000));
        bens.Send(RawClient.Request("POST", "/bens/data/secret", UsersServer.Basic("ben", "plum"), length: 1_000_000));
        bens.Send(new byte[500_000]);

        using var admin = new PageClient(server.Address);
        await admin.LogInAsync("root", "fig");
        var all = await admin.WaitAsync("api/live", live => live.GetProperty("transfers").GetArrayLength() == 2);
        var secret = all.GetProperty("transfers").EnumerateArray().Single(transfer => transfer.GetProperty("user").GetString() == "ben");
        Assert.Equal(("bens", "store", "data/secret"), (secret.GetProperty("store").GetString(), secret.GetProperty("operation").GetString(), secret.GetProperty("name").GetString()));
        Assert.True(secret.GetProperty("bytes").GetInt64() > 0);

        using var anna = new PageClient(server.Address);
        await anna.LogInAsync("anna", "pear");
        var own = Assert.Single((await anna.GetAsync("api/live")).GetProperty("transfers").EnumerateArray());
        Assert.Equal("data/mine", own.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("localhost", null, true)]
    [InlineData("127.0.0.1:5618", null, true)]
    [InlineData("[::1]:5618", null, true)]
    [InlineData("attacker.example", null, false)]
    [InlineData("localhost", "X-Forwarded-For: 203.0.113.1", false)]
    [InlineData("localhost", "Forwarded: for=203.0.113.1", false)]
    public async Task Without_users_the_page_is_for_this_machine(string host, string? header, bool isShown)
    {
        await using var server = await TestServer.StartAsync(options => options with { Page = true });
        using var client = server.Connect();
        client.Send(Encoding.ASCII.GetBytes($"GET /-/api/session HTTP/1.1\r\nHost: {host}\r\nX-BorgStore-Page: 1\r\n{(header is null ? "" : header + "\r\n")}\r\n"));
        var response = client.Receive();
        Assert.Equal(isShown ? 200 : 403, response.Status);
        Assert.Contains(isShown ? "\"isAdmin\":true" : "This server has no users", response.Text, StringComparison.Ordinal);
    }

    private static Task<UsersServer> StartAsync(Func<ServerOptions, ServerOptions>? configure = null)
        => UsersServer.StartAsync(Rights, Passwords, options => configure?.Invoke(options with { Page = true }) ?? options with { Page = true });
}
