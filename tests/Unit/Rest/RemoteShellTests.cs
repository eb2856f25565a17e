using BorgStore.Backends.Rest;

namespace BorgStore.Tests.Rest;

/// <summary>Another program than ssh, set by an environment variable.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class RemoteShellTests : IDisposable
{
    public void Dispose() => Environment.SetEnvironmentVariable(RestAddress.RemoteShellVariable, null);

    [Fact]
    public void It_gets_its_own_arguments_and_none_of_ssh()
    {
        Environment.SetEnvironmentVariable(RestAddress.RemoteShellVariable, "'my ssh' -x");
        Assert.Equal(
            ["my ssh", "-x", "me@host", "borgstore-server-rest", "--stdio", "--backend", "FILE:store"],
            RestAddress.Parse("rest://me@host/store").Command!);
    }
}
