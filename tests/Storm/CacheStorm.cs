using BorgStore.Backends;
using BorgStore.Layout;

namespace BorgStore.Tests.Storm;

/// <summary>Changes and loads the items of a cached store until the process is killed.</summary>
internal static class CacheStorm
{
    private const int Names = 30;

    public static async Task RunAsync(string storeUrl, string cacheUrl, int seed)
    {
        var options = new StoreOptions(storeUrl)
        {
            CacheUrl = cacheUrl,
            Durability = Durability.None,
            // There is room for only about a third of the items, so that items are evicted all the time.
            Layout = new([new NamespaceLayout("data", 0) { Cache = new(CacheMode.WriteThrough) { Size = 2 << 20, MaxAge = TimeSpan.FromHours(1) } }]),
            Warning = text => Console.WriteLine($"warning: {text}"),
        };
        await using var store = await Store.OpenAsync(options);
        Console.WriteLine("ready");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() => WorkAsync(store, new Random((seed * 10) + worker)))));
    }

    private static async Task WorkAsync(Store store, Random random)
    {
        while (true)
        {
            var name = $"data/{random.Next(Names)}";
            try
            {
                await ChangeAsync(store, name, random);
            }
            catch (StoreException e) when (e.Error is StoreError.ObjectNotFound or StoreError.ObjectAlreadyExists)
            {
                // All workers share the names.
            }
        }
    }

    private static async Task ChangeAsync(Store store, string name, Random random)
    {
        switch (random.Next(10))
        {
            case 0 or 1:
                await store.StoreAsync(name, NewValue(random));
                break;
            case 2:
                var value = NewValue(random);
                using (var stream = new MemoryStream(value))
                    await store.StoreAsync(name, new(stream, value.Length), (StoreMode)random.Next(2));
                break;
            case 3:
                await store.SoftDeleteAsync(name);
                break;
            case 4:
                await store.UndeleteAsync(name, (StoreMode)random.Next(2));
                break;
            case 5:
                await store.MoveAsync(name, $"data/{random.Next(Names)}", (StoreMode)random.Next(2));
                break;
            case 6:
                await store.DeleteAsync(name, deleted: random.Next(2) == 0);
                break;
            default:
                await store.LoadAsync(name, new(random.Next(-100, 100)));
                break;
        }
    }

    // One in four is large enough to be streamed.
    private static byte[] NewValue(Random random)
    {
        var value = new byte[random.Next(4) == 0 ? (1 << 20) + random.Next(400_000) : random.Next(5000)];
        random.NextBytes(value);
        return value;
    }
}
