using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;

namespace BorgStore.Tests.Answers;

/// <summary>Servers that try to use a client against others: its files, its network, its logins.</summary>
public sealed class HostileServerTests
{
    private const string Entity = "<Key>path/data/&e;</Key>";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("<!DOCTYPE x [<!ENTITY e SYSTEM \"FILE\">]>")]
    [InlineData("<!DOCTYPE x [<!ENTITY e SYSTEM \"OTHER/e\">]>")]
    [InlineData("<!DOCTYPE x SYSTEM \"OTHER/x.dtd\">")]
    [InlineData("<!DOCTYPE x [<!ENTITY % p SYSTEM \"OTHER/p\"> %p;]>")]
    [InlineData("<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY f \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\"><!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\"><!ENTITY h \"&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;\"><!ENTITY i \"&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;\"><!ENTITY e \"&i;&i;&i;&i;&i;&i;&i;&i;&i;&i;\">]>")]
    public async Task An_S3_response_neither_includes_files_and_pages_nor_grows(string type)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.Combine("own"), "a-secret", Ct);
        await using var other = new ScriptedHttp(_ => ScriptedHttp.Http("200 OK", "a-secret"));
        var list = S3AnswerTests.List.Replace("?><", $"?>{type.Replace("FILE", new Uri(folder.Combine("own")).AbsoluteUri, StringComparison.Ordinal).Replace("OTHER", other.Url, StringComparison.Ordinal)}<", StringComparison.Ordinal);
        var isHostile = false;
        await using var server = new ScriptedHttp(_ => ScriptedHttp.Http("200 OK\nContent-Type: application/xml",
            isHostile ? list.Replace("<Key>path/data/a</Key>", Entity, StringComparison.Ordinal) : S3AnswerTests.List));
        await using var store = S3AnswerTests.Open(server.Url);
        await store.OpenAsync(Ct);
        isHostile = true;
        var failure = await Assert.ThrowsAsync<StoreException>(async () => await store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
        Assert.DoesNotContain("a-secret", failure.ToString(), StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_sends_no_value_or_login_to_another_server(int status)
    {
        await using var elsewhere = new ScriptedHttp(_ => ScriptedHttp.Http("200 OK\nX-BorgStore-Server: 2\nContent-Type: application/xml", S3AnswerTests.List));
        var isHostile = false;
        await using var server = new ScriptedHttp(request => isHostile
            ? ScriptedHttp.Http($"{status} Moved\nX-BorgStore-Server: 2\nLocation: {elsewhere.Url}{request.Target}")
            : ScriptedHttp.Http("200 OK\nX-BorgStore-Server: 2\nContent-Type: application/xml", request.Method == "HEAD" ? "" : S3AnswerTests.List));
        await using var s3 = S3AnswerTests.Open(server.Url);
        await using var rest = new RestBackend(server.Url.Replace("//", "//user:secret@", StringComparison.Ordinal));
        rest.Client.Retry = RetrySchedule.Never;
        await s3.OpenAsync(Ct);
        isHostile = true;
        foreach (var store in new IBackend[] { s3, rest })
            foreach (var act in new Func<Task>[]
            {
                () => store.OpenAsync(Ct),
                () => store.StoreAsync("data/a", "a value"u8.ToArray(), StoreMode.Overwrite, Ct).AsTask(),
                () => store.LoadAsync("data/a", ByteRange.Whole, Ct).AsTask(),
                () => store.DeleteAsync("data/a", Ct).AsTask(),
                async () => await store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct),
            })
                await Assert.ThrowsAnyAsync<Exception>(act);
        Assert.Empty(elsewhere.Requests);
    }
}
