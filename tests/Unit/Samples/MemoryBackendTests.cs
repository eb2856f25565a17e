using BorgStore.Backends;
using BorgStore.Samples;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Samples;

/// <summary>The contract on the sample of a backend, which sees only what is public.</summary>
public sealed class MemoryBackendTests : BackendContract
{
    private readonly string _url = $"memory:{Guid.NewGuid():n}";

    protected override ValueTask<IBackend> CreateBackendAsync() => new(new MemoryBackend(_url));
}
