using BorgStore.Backends.Rest;
using BorgStore.Server.Access;
using BorgStore.Tests.Caching;

namespace BorgStore.Tests.Server.Users;

/// <summary>Logins by password and by token.</summary>
public sealed class LoginTests
{
    private const string Rights = """{ "users": { "anna": { "stores": { "*": "all" } }, "ben": { "stores": { "*": "read-only" } } } }""";
    private static readonly Dictionary<string, string> Passwords = new() { ["anna"] = "pear:and:more", ["ben"] = "plum" };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_the_right_password_of_a_user_logs_in()
    {
        await using var server = await UsersServer.StartAsync(Rights, Passwords);
        server.MakeStore("photos", ("data/a", "value"));
        using var client = server.Connect();
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(200, client.Exchange("GET", "/photos/data/a", UsersServer.Basic("anna", "pear:and:more")).Status);
            Assert.Equal(200, client.Exchange("GET", "/photos/data/a", UsersServer.Basic("ben", "plum")).Status);
        }
        foreach (var (user, password) in new[] { ("anna", "plum"), ("anna", ""), ("anna", "pear"), ("ben", "pear:and:more"), ("carl", "plum"), ("carl", "pear:and:more"), ("", "plum") })
        {
            var answer = client.Exchange("GET", "/photos/data/a", UsersServer.Basic(user, password));
            Assert.Equal((401, "Unauthorized"), (answer.Status, answer.Text));
        }
        Assert.Equal(401, client.Exchange("GET", "/photos/data/a").Status);
        Assert.Contains("Login refused: user carl from 127.0.0.1: wrong user or password", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("plum", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_permissions_of_each_user_apply()
    {
        await using var server = await UsersServer.StartAsync(Rights, Passwords);
        server.MakeStore("photos", ("data/a", "value"));
        using var client = server.Connect();
        Assert.Equal(403, client.Exchange("POST", "/photos/data/b", UsersServer.Basic("ben", "plum"), "x"u8.ToArray()).Status);
        Assert.Equal(403, client.Exchange("DELETE", "/photos/?cmd=destroy", UsersServer.Basic("ben", "plum")).Status);
        Assert.Equal(403, client.Exchange("POST", "/new/?cmd=create", UsersServer.Basic("ben", "plum"), []).Status);
        Assert.Equal(200, client.Exchange("POST", "/photos/data/b", UsersServer.Basic("anna", "pear:and:more"), "x"u8.ToArray()).Status);
        Assert.Equal(200, client.Exchange("POST", "/new/?cmd=create", UsersServer.Basic("anna", "pear:and:more"), []).Status);
        Assert.Equal(200, client.Exchange("DELETE", "/new/?cmd=destroy", UsersServer.Basic("anna", "pear:and:more")).Status);
    }

    [Fact]
    public async Task Our_client_logs_in_with_a_token_until_it_expires()
    {
        var clock = new ManualClock();
        var secret = AccessToken.CreateSecret();
        var rights = $$"""{ "tokens": { "job": { "sha256": "{{AccessToken.Hash(secret)}}", "expires": "2026-01-02", "stores": { "photos": "all" } } } }""";
        await using var server = await UsersServer.StartAsync(rights, null, options => options with { Time = clock });
        server.MakeStore("photos", ("data/a", "value"));
        var url = $"{server.Address.ToString().Replace("//", $"//job:{secret}@", StringComparison.Ordinal)}photos";
        await using (var client = new RestBackend(url))
        {
            await client.OpenAsync(Ct);
            Assert.NotNull(await client.FindAsync("data/a", Ct));
        }
        using var raw = server.Connect();
        Assert.Equal(401, raw.Exchange("GET", "/photos/", UsersServer.Basic("other", secret)).Status);
        Assert.Equal(401, raw.Exchange("GET", "/photos/", UsersServer.Basic("job", AccessToken.Hash(secret))).Status);
        Assert.Equal(200, raw.Exchange("GET", "/photos/", UsersServer.Basic("job", secret)).Status);
        clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(401, raw.Exchange("GET", "/photos/", UsersServer.Basic("job", secret)).Status);
        Assert.Contains("its token has expired", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changed_files_are_read_again_and_broken_ones_are_not_used()
    {
        await using var server = await UsersServer.StartAsync(Rights, Passwords);
        server.MakeStore("photos", ("data/a", "value"));
        using var client = server.Connect();
        Assert.Equal(200, Get("ben", "plum"));

        File.WriteAllText(server.UsersPath, "ben:not a hash\n");
        await ServerProcess.WaitUntilAsync(() => Get("ben", "plum") == 200 && server.Log.Contains("the old one stays in force", StringComparison.Ordinal), () => server.Log);
        Assert.Equal(200, Get("ben", "plum"));
        Assert.DoesNotContain("not a hash", server.Log, StringComparison.Ordinal);

        // The old password was remembered, and is forgotten.
        server.WriteUsers(new Dictionary<string, string> { ["ben"] = "a new plum" });
        await ServerProcess.WaitUntilAsync(() => Get("ben", "a new plum") == 200, () => server.Log);
        Assert.Equal(401, Get("ben", "plum"));
        Assert.Equal(401, Get("anna", "pear:and:more"));

        File.WriteAllText(server.RightsPath, """{ "users": { "ben": { "stores": { "other": "all" } } } }""");
        await ServerProcess.WaitUntilAsync(() => Get("ben", "a new plum") == 410, () => server.Log);

        int Get(string user, string password) => client.Exchange("GET", "/photos/data/a", UsersServer.Basic(user, password)).Status;
    }

    [Fact]
    public void Failures_slow_their_address_and_user_and_nobody_else()
    {
        var clock = new ManualClock();
        var throttle = new LoginThrottle(clock);
        Assert.Equal(TimeSpan.Zero, throttle.Reserve("1.1.1.1", "anna"));
        for (var i = 0; i < 5; i++) throttle.Fail("1.1.1.1", "anna");
        Assert.Equal(TimeSpan.Zero, throttle.Reserve("2.2.2.2", "ben"));
        var first = throttle.Reserve("1.1.1.1", "ben");
        Assert.Equal(TimeSpan.FromSeconds(1.6), first);
        // Attempts at the same time go one after another, until there are too many.
        Assert.Equal(first * 2, throttle.Reserve("1.1.1.1", "ben"));
        while (throttle.Reserve("1.1.1.1", "ben") is not null) clock.Advance(TimeSpan.FromMilliseconds(1));
        // Whoever guesses a user's password keeps that user waiting at most a moment.
        Assert.InRange(throttle.Reserve("2.2.2.2", "anna")!.Value, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.Zero, throttle.Reserve("1.1.1.1", "anna"));
    }

    [Fact]
    public void Addresses_of_one_IPv6_network_count_as_one()
    {
        var throttle = new LoginThrottle(new ManualClock());
        throttle.Fail("2001:db8::1", "x");
        Assert.NotEqual(TimeSpan.Zero, throttle.Reserve("2001:db8::ffff", "y"));
        Assert.Equal(TimeSpan.Zero, throttle.Reserve("2001:db8:1::1", "y"));
    }

    [Theory]
    [InlineData(false, "6.6.6.6", "127.0.0.1")]
    [InlineData(true, "6.6.6.6", "6.6.6.6")]
    // A client can only prepend to the header.
    [InlineData(true, "1.2.3.4, 6.6.6.6", "6.6.6.6")]
    [InlineData(true, "6.6.6.6, 127.0.0.1", "6.6.6.6")]
    [InlineData(true, "rubbish", "127.0.0.1")]
    [InlineData(true, "", "127.0.0.1")]
    public async Task A_forwarded_address_counts_only_from_a_trusted_proxy(bool isTrusted, string header, string logged)
    {
        await using var server = await UsersServer.StartAsync(Rights, Passwords, options => options with { TrustedProxies = isTrusted ? ["127.0.0.0/8"] : [] });
        using var client = server.Connect();
        Assert.Equal(401, client.Exchange("GET", "/photos/", $"X-Forwarded-For: {header}\r\n" + UsersServer.Basic("anna", "wrong")).Status);
        Assert.Contains($"user anna from {logged}:", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_remembered_password_is_verified_once_for_all_requests()
    {
        var verified = new VerifiedPasswords();
        var count = 0;
        var gate = new TaskCompletionSource();
        var first = Enumerable.Range(0, 20).Select(_ => verified.VerifyAsync("anna", "pear", "hash", VerifyAsync)).ToList();
        gate.SetResult();
        Assert.All(await Task.WhenAll(first), Assert.True);
        Assert.True(await verified.VerifyAsync("anna", "pear", "hash", VerifyAsync));
        Assert.Equal(1, count);
        // Another hash, password or user is another login.
        await verified.VerifyAsync("anna", "pear", "new hash", VerifyAsync);
        await verified.VerifyAsync("anna", "plum", "hash", VerifyAsync);
        await verified.VerifyAsync("ben", "pear", "hash", VerifyAsync);
        Assert.Equal(4, count);
        Assert.False(await verified.VerifyAsync("carl", "pear", "hash", () => Task.FromResult(false)));
        Assert.True(await verified.VerifyAsync("carl", "pear", "hash", VerifyAsync));

        async Task<bool> VerifyAsync()
        {
            Interlocked.Increment(ref count);
            await gate.Task;
            return true;
        }
    }
}
