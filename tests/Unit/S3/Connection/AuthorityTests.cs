using BorgStore.Backends;
using BorgStore.Tests.Rest;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3.Connection;

/// <summary>TLS with an authority that the system does not know.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class AuthorityTests : S3Test
{
    private const string Variable = "AWS_CA_BUNDLE";
    private readonly TemporaryFolder _folder = new();
    private readonly string? _before = Environment.GetEnvironmentVariable(Variable);

    public AuthorityTests(CephServer ceph) : base(ceph) => TestCertificate.Write(Certificate, "localhost");

    private string Certificate => _folder.Combine("cert.pem");

    public override async ValueTask DisposeAsync()
    {
        Environment.SetEnvironmentVariable(Variable, _before);
        await base.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task The_authority_of_AWS_CA_BUNDLE_is_trusted()
    {
        await using var secured = new TlsFront(Certificate, Server.Endpoint);
        Environment.SetEnvironmentVariable(Variable, Certificate);
        await using var backend = await OpenAsync(secured.Address);
        // Over TLS, the signature does not cover values.
        await backend.StoreAsync("data/small", Bytes(1000), StoreMode.CreateNew, Ct);
        await backend.StoreAsync("data/large", Bytes(20_000_000), StoreMode.CreateNew, Ct);
        await backend.MoveAsync("data/small", "data/moved", StoreMode.CreateNew, Ct);
        Assert.Equal(["large", "moved"], await ListAsync("data", ListScope.OneLevel));
        await using (var large = await backend.LoadAsync("data/large", default, Ct)) Assert.Equal(Bytes(20_000_000), await large!.ReadToEndAsync(Ct));
        Assert.Empty(await backend.DeleteManyAsync(["data/large", "data/moved"], Ct));
        Assert.Null(await Store.FindAsync("data/large", Ct));
    }

    [Theory]
    [InlineData("localhost", false)]
    [InlineData("elsewhere", true)]
    public async Task A_certificate_that_is_untrusted_or_for_another_name_is_rejected(string name, bool trusted)
    {
        TestCertificate.Write(Certificate, name);
        await using var secured = new TlsFront(Certificate, Server.Endpoint);
        Environment.SetEnvironmentVariable(Variable, trusted ? Certificate : null);
        var failure = await AssertFailsAsync(StoreError.ConnectionLost, () => OpenAsync(secured.Address));
        Assert.Contains("certificate", failure.Message, StringComparison.Ordinal);
        Assert.Contains(trusted ? "is for another name" : Variable, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Server.SecretKey, failure.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")]
    public async Task A_bundle_without_certificates_is_reported(string? content)
    {
        var file = _folder.Combine("authorities.pem");
        if (content is not null) await File.WriteAllTextAsync(file, content, Ct);
        Environment.SetEnvironmentVariable(Variable, file);
        var failure = await AssertFailsAsync(StoreError.InvalidArgument, () => OpenAsync());
        Assert.Contains(Variable, failure.Message, StringComparison.Ordinal);
        // Succeeds once the file has a certificate.
        File.Copy(Certificate, file, overwrite: true);
        await using var backend = await OpenAsync();
    }
}
