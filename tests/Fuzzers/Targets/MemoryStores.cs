using BorgStore.Backends;
using BorgStore.Samples;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Stores in memory.</summary>
internal static class MemoryStores
{
    /// <summary>Opens an empty store.</summary>
    /// <param name="url">Its URL; a store that is there already is replaced.</param>
    /// <param name="items">The nested names of its items and their values. Names that are taken are left out.</param>
    public static IBackend Open(string url, params IEnumerable<(string Name, byte[] Value)> items)
    {
        var backend = new MemoryBackend(url);
        try
        {
            Run(backend.DestroyAsync(default));
        }
        catch (StoreException e) when (e.Error == StoreError.StoreDoesNotExist)
        {
            // It is the first.
        }
        Run(backend.CreateAsync(default));
        Run(backend.OpenAsync(default));
        foreach (var (name, value) in items)
        {
            try
            {
                Run(backend.StoreAsync(name, value, StoreMode.CreateNew, default).AsTask());
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists)
            {
                // Also if it is below another item.
            }
        }
        return backend;
    }

    /// <summary>Returns all items below a directory.</summary>
    public static List<ItemInfo> List(IBackend backend, string directory)
        => backend.ListAsync(directory, ListScope.Tree, default).ToListAsync().AsTask().GetAwaiter().GetResult();

    private static void Run(Task task) => task.GetAwaiter().GetResult();
}
