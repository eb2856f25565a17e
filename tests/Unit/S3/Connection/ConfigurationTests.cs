using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Settings of the server in ~/.aws/config and the environment, read in the same way as by other programs.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private const string Configuration = """
        [profile services]
        aws_access_key_id = key
        aws_secret_access_key = secret
        endpoint_url = http://127.0.0.1:2
        services = local

        [services local]
        s3 =
          endpoint_url = http://127.0.0.1:1

        [profile profile]
        aws_access_key_id = key
        aws_secret_access_key = secret
        endpoint_url = http://127.0.0.1:2

        [profile ignoring]
        aws_access_key_id = key
        aws_secret_access_key = secret
        endpoint_url = http://127.0.0.1:2
        ignore_configured_endpoint_urls = true

        [profile ignoring-services]
        aws_access_key_id = key
        aws_secret_access_key = secret
        services = local
        ignore_configured_endpoint_urls = true

        [profile program]
        credential_process = /bin/false
        endpoint_url = http://127.0.0.1:1
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("services", "", "", "(127.0.0.1:1)")]
    [InlineData("profile", "", "", "(127.0.0.1:2)")]
    [InlineData("services", "AWS_ENDPOINT_URL_S3", "http://127.0.0.1:3", "(127.0.0.1:3)")]
    [InlineData("services", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", "the proxy 'http://127.0.0.1:9'")]
    [InlineData("ignoring", "", "", "the proxy 'http://127.0.0.1:9'")]
    [InlineData("ignoring", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false", "(127.0.0.1:2)")]
    [InlineData("ignoring", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "FALSE", "(127.0.0.1:2)")]
    [InlineData("ignoring-services", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false", "(127.0.0.1:1)")]
    [InlineData("ignoring-services", "", "", "the proxy 'http://127.0.0.1:9'")]
    public async Task The_endpoint_is_taken_from_the_configuration_or_the_environment(string profile, string variable, string value, string said)
        => Assert.Contains(said, await FailAsync(Configuration, profile, variable.Length > 0 ? [(variable, value)] : []), StringComparison.Ordinal);

    [Fact]
    public async Task A_credential_process_that_returns_no_credentials_is_reported()
        => Assert.Contains("credential_process gives no credentials", await FailAsync(Configuration, "program"), StringComparison.Ordinal);

    [Theory]
    [InlineData("[profile broken\nregion")]
    [InlineData("[profile broken]\nregion = x\nregion")]
    [InlineData("[profile broken]\n= x")]
    [InlineData("[profile broken]\ncredential_process = /no/such/program --token hunter2\nendpoint_url = http://127.0.0.1:1")]
    [InlineData("[profile broken]\nsource_profile = missing\nrole_arn = arn:aws:iam::1:role/x")]
    [InlineData("[profile broken]\naws_access_key_id = key\naws_secret_access_key = hunter2\nendpoint_url = http://me:hunter2@127.0.0.1:1")]
    public async Task A_malformed_configuration_is_reported_without_its_secrets(string text)
    {
        if (text.Contains("/no/such/program", StringComparison.Ordinal)) Wine.Skip("its shell quotes the arguments too of a program that is missing.");
        var said = await FailAsync(text, "broken");
        Assert.Matches("'s3:broken@/bucket/store'|AWS configuration", said);
        Assert.DoesNotContain("Unhandled", said, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", said, StringComparison.Ordinal);
    }

    private async Task<string> FailAsync(string configuration, string profile, params (string, string)[] environment)
    {
        await File.WriteAllTextAsync(_folder.Combine("config"), configuration + "\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder.Combine("credentials"), "", TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => ServedStore.StartAsync($"s3:{profile}@/bucket/store",
        [
            ("AWS_CONFIG_FILE", _folder.Combine("config")), ("AWS_SHARED_CREDENTIALS_FILE", _folder.Combine("credentials")), ("https_proxy", "http://127.0.0.1:9"), .. environment,
        ]));
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        return error.Message;
    }
}
