using System.Globalization;
using System.Net;
using System.Text;
using BorgStore.Backends;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Keys that are not in the URL, but come from the same sources as for all AWS tools.</summary>
public sealed class CredentialTests(CephServer ceph) : S3Test(ceph)
{
    private const string Secret = "anotherSecretKey/with+signs00000000000002";
    private static readonly TimeSpan LifeOfFirstKey = TimeSpan.FromSeconds(3);
    private readonly TemporaryFolder _folder = new();

    private string Place => $"{Server.Endpoint.GetLeftPart(UriPartial.Authority)}/{Bucket}/{Path}";

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Keys_and_server_come_from_the_environment()
    {
        (string, string)[] keys = [("AWS_ACCESS_KEY_ID", Server.AccessKey), ("AWS_SECRET_ACCESS_KEY", Server.SecretKey)];
        await UseAsync($"s3:{Place}", keys);
        await UseAsync($"s3:/{Bucket}/{Path}", [.. keys, ("AWS_ENDPOINT_URL_S3", Server.Endpoint.ToString())]);
    }

    [Fact]
    public async Task Keys_and_server_come_from_a_profile()
    {
        await WriteAsync("credentials", $"[work]\naws_access_key_id={Server.AccessKey}\naws_secret_access_key={Server.SecretKey}\n");
        await WriteAsync("config", $"[profile work]\nendpoint_url = {Server.Endpoint}\n");
        await UseAsync($"s3:work@{Place}", Files);
        await UseAsync($"s3:/{Bucket}/{Path}", [.. Files, ("AWS_PROFILE", "work")]);
        await AssertFailsAsync("names the profile 'other'", $"s3:other@{Place}", Files);
    }

    [Fact]
    public async Task Missing_credentials_give_an_error_that_lists_all_ways_to_provide_them()
        => await AssertFailsAsync("Give -Credential (access key and secret key), set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile", $"s3:{Place}");

    [Fact]
    public async Task Expired_credentials_give_an_error_that_asks_to_renew_them()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a script of sh.");
        await WriteAsync("config", $"[profile work]\ncredential_process = sh {_folder.Combine("keys.sh")}\n");
        await WriteAsync("keys.sh", $$"""echo '{"Version":1,"AccessKeyId":"{{Server.AccessKey}}","SecretAccessKey":"{{Server.SecretKey}}","Expiration":"2020-01-01T00:00:00Z"}'""");
        await AssertFailsAsync("The credentials have expired. Renew them", $"s3:work@{Place}", Files);
    }

    [Fact]
    public async Task Expiring_keys_of_a_credential_process_are_renewed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a script of sh.");
        await WriteAsync("config", $"[profile work]\ncredential_process = sh {_folder.Combine("keys.sh")}\n");
        await ExpireAsync($"s3:work@{Place}", Files, (key, life) => WriteAsync("keys.sh", $$"""
            end=$(date -u -d '+{{life.TotalSeconds}} seconds' +%Y-%m-%dT%H:%M:%SZ)
            echo '{"Version":1,"AccessKeyId":"{{key}}","SecretAccessKey":"{{Secret}}","Expiration":"'$end'"}'
            """));
    }

    [Fact]
    public async Task Expiring_keys_of_a_container_role_are_renewed()
    {
        Assert.SkipUnless(LongTests.Wanted, "A program's keys expire the same way; BORGSTORE_TEST_LONG=1 runs it.");
        var answer = () => "";
        var address = $"http://127.0.0.1:{TestPorts.FindFree()}/";
        using var listener = new HttpListener { Prefixes = { address } };
        listener.Start();
        var serving = ServeAsync();
        await ExpireAsync($"s3:{Place}", [("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)], (key, life) =>
        {
            answer = () => $$"""{"AccessKeyId":"{{key}}","SecretAccessKey":"{{Secret}}","Token":"","Expiration":"{{EndOf(life)}}"}""";
            return Task.CompletedTask;
        });
        listener.Stop();
        await serving;

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await listener.GetContextAsync();
                    context.Response.ContentType = "application/json";
                    await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(answer()));
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        static string EndOf(TimeSpan life) => DateTime.UtcNow.Add(life).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    private (string, string)[] Files => [("AWS_CONFIG_FILE", _folder.Combine("config")), ("AWS_SHARED_CREDENTIALS_FILE", _folder.Combine("credentials"))];

    // The first key expires while the store is open: its announced life ends, and the server forgets it. By then there is a second one.
    private async Task ExpireAsync(string url, (string, string)[] environment, Func<string, TimeSpan, Task> giveAsync)
    {
        string[] keys = [.. Enumerable.Range(0, 2).Select(i => $"KEY{i}{Guid.NewGuid():n}"[..20])];
        foreach (var key in keys) await Server.AddKeyAsync(key, Secret);
        await giveAsync(keys[0], LifeOfFirstKey);
        await using (var served = await ServedStore.StartAsync(url, environment))
        {
            await served.Backend.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
            await giveAsync(keys[1], TimeSpan.FromHours(2));
            await Server.RemoveKeyAsync(keys[0]);
            await Task.Delay(LifeOfFirstKey, Ct);
            await served.Backend.StoreAsync("data/b", Bytes(10), StoreMode.Overwrite, Ct);

            await Server.RemoveKeyAsync(keys[1]);
            var failure = await Assert.ThrowsAsync<StoreException>(() => served.Backend.FindAsync("data/a", Ct).AsTask());
            Assert.Contains("Check the key", failure.Message, StringComparison.Ordinal);
        }
        Assert.Equal(["a", "b"], await ListAsync("data", ListScope.OneLevel));
    }

    private Task WriteAsync(string name, string text) => File.WriteAllTextAsync(_folder.Combine(name), text, Ct);

    private static async Task UseAsync(string url, params (string, string)[] environment)
    {
        await using var served = await ServedStore.StartAsync(url, environment);
        await served.Backend.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
    }

    private static async Task AssertFailsAsync(string said, string url, params (string, string)[] environment)
        => Assert.Contains(said, (await Assert.ThrowsAsync<InvalidOperationException>(() => UseAsync(url, environment))).Message, StringComparison.Ordinal);
}
