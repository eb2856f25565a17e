using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Portable;
using BorgStore.Backends.S3;
using BorgStore.Layout;

namespace BorgStore.Tests.Model.Driver;

/// <summary>Where the store is, for any process.</summary>
/// <param name="Url">The URL, which may contain a secret.</param>
/// <param name="IsPortable">Whether the folder is used by the means that every system has.</param>
/// <param name="Durability">When values are safe from a power cut.</param>
/// <param name="Quota">The quota [bytes].</param>
internal sealed record ModelAddress(string Url, bool IsPortable = false, Durability Durability = Durability.None, long? Quota = null)
{
    public static StoreLayout Layout => new((ModelOperation.Namespace, 1));

    public IBackend CreateBackend()
    {
        var options = new BackendOptions { Durability = Durability, Quota = Quota };
        if (IsPortable) return new FileBackend(FileUrl.Parse(Url, OperatingSystem.IsWindows()), options, root => new PortableFileSystem(root));
        return Url.StartsWith("s3:", StringComparison.Ordinal) ? S3Backend.Create(Url, options) : BackendFactory.Create(Url, options);
    }

    /// <summary>Opens a backend as a store.</summary>
    public static Task<Store> OpenAsync(IBackend backend, CancellationToken cancellationToken)
        => Store.OpenAsync(backend, new StoreOptions("model:store") { Layout = Layout }, cancellationToken);
}

/// <summary>What a process of the model is told: the store, the plan, and which workers it runs.</summary>
/// <param name="Address">The store.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Workers">The workers.</param>
internal sealed record ModelOrder(ModelAddress Address, ModelPlan Plan, int[] Workers);
