using BorgStore.Backends;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Storm;

/// <summary>Fills a store to its limit, deletes and fills it again, while other processes do the same.</summary>
internal static class QuotaStorm
{
    public static async Task RunAsync(string path, long limit, int seed, int steps)
    {
        await using var backend = new FileBackend(path, new BackendOptions { Quota = limit, Durability = Durability.None });
        await backend.OpenAsync(default);
        Console.WriteLine("ready");
        var random = new Random(seed);
        var (stored, refused) = (0, 0);
        for (var step = 0; step < steps; step++)
        {
            var name = $"data/{random.Next(4)}/{random.Next(40)}";
            try
            {
                switch (random.Next(5))
                {
                    case 0: await backend.DeleteAsync(name, default); break;
                    case 1: await backend.MoveAsync(name, $"data/{random.Next(4)}/{random.Next(40)}", StoreMode.Overwrite, default); break;
                    default:
                        await backend.StoreAsync(name, new byte[random.Next(3000)], StoreMode.Overwrite, default);
                        stored++;
                        break;
                }
            }
            catch (StoreException e) when (e.Error == StoreError.QuotaExceeded)
            {
                refused++;
            }
        }
        Console.WriteLine($"stored {stored} refused {refused}");
    }
}
