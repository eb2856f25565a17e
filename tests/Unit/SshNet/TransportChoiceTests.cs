using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Ssh;

namespace BorgStore.Tests.SshNet;

/// <summary>Which transport a store over SFTP gets.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class TransportChoiceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string? _program = Environment.GetEnvironmentVariable(SshCommand.ProgramVariable);

    public TransportChoiceTests() => Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, null);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, _program);
        _folder.Dispose();
    }

    [Theory]
    [InlineData("sftp://host/x", "me", null, null, "ssh.net")]
    [InlineData("sftp://me:secret@host/x", null, null, null, "ssh.net")]
    [InlineData("sftp://me:@host/x", null, null, null, "ssh.net")]
    [InlineData("sftp://host/x", null, "SHA256:x", null, "ssh.net")]
    [InlineData("sftp://host/x", null, null, "ssh", "ssh")]
    [InlineData("sftp://host/x", null, null, "", "ssh.net")]
    [InlineData("sftp://host/x?transport=ssh.net", null, null, "ssh", "ssh.net")]
    [InlineData("sftp://host/x?transport=ssh", null, null, "", "ssh")]
    [InlineData("sftp://host/x?key=/k", null, null, "ssh", "ssh")]
    public void The_transport_follows_from_the_login(string url, string? user, string? fingerprint, string? program, string expected)
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        if (program == "ssh") File.WriteAllText(_folder.Combine("ssh"), "");
        try
        {
            Environment.SetEnvironmentVariable("PATH", _folder.Path);
            Assert.Equal(expected, SftpConnector.Choose(SftpUrl.Parse(url), new() { Credential = user is null ? null : new(user, "secret"), HostKeyFingerprint = fingerprint }));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public void An_empty_password_is_one_too()
        => Assert.Equal("ssh.net", SftpConnector.Choose(SftpUrl.Parse("sftp://host/x"), new() { Credential = new("me", "") }));

    [Fact]
    public void A_password_over_the_ssh_program_is_rejected()
    {
        var error = Assert.Throws<StoreException>(() => SftpConnector.Choose(SftpUrl.Parse("sftp://me:secret@host/x?transport=ssh"), new()));
        Assert.Equal(StoreError.InvalidArgument, error.Error);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}
