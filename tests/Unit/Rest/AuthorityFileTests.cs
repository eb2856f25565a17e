using BorgStore.Backends.Rest;

namespace BorgStore.Tests.Rest;

/// <summary>The file with trusted certificate authorities.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class AuthorityFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(RestTransport.AuthorityVariable, null);
        _folder.Dispose();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")]
    public async Task An_authority_file_without_certificates_is_reported(string? content)
    {
        var file = _folder.Combine("authorities.pem");
        if (content is not null) await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        Environment.SetEnvironmentVariable(RestTransport.AuthorityVariable, file);
        var failure = Assert.Throws<StoreException>(() => new RestBackend("https://localhost/"));
        Assert.Equal(StoreError.InvalidArgument, failure.Error);
        Assert.Contains(RestTransport.AuthorityVariable, failure.Message, StringComparison.Ordinal);
        Assert.Contains("PEM", failure.Message, StringComparison.Ordinal);
        // Succeeds once the file has a certificate.
        TestCertificate.Write(file, "localhost");
        await using var backend = new RestBackend("https://localhost/");
    }
}
