using BorgStore.Backends.Rest;
using BorgStore.Backends.Ssh;

namespace BorgStore.Tests.Rest;

/// <summary>Another program than ssh, set by an environment variable.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class RemoteShellTests : IDisposable
{
    public void Dispose() => Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, null);

    [Fact]
    public void A_custom_remote_shell_gets_its_own_arguments_and_none_of_ssh()
    {
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, "'my ssh' -x");
        var command = RestAddress.Parse("rest://me@host/store").Command!;
        Assert.Equal("my ssh", command.FileName);
        Assert.Equal(["-x", "me@host", "borgstore-server-rest", "--stdio", "--backend", "FILE:store"], command.Arguments);
    }
}
