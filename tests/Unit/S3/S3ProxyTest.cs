using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>A test with a store of its own, and a proxy that can cause faults.</summary>
public abstract class S3ProxyTest(CephServer ceph) : S3Test(ceph)
{
    private FaultProxy? _proxy;

    private protected FaultProxy Proxy => _proxy ??= FaultProxy.Start(Server.Endpoint);

    public override async ValueTask DisposeAsync()
    {
        if (_proxy is not null) await _proxy.DisposeAsync();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
