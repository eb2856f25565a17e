using BorgStore.Backends;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Storm;

/// <summary>Repeats an operation between two calls that a trace shows.</summary>
internal static class TracedCalls
{
    public const string Begin = "/borgstore-trace-begin";
    public const string End = "/borgstore-trace-end";

    public static async Task RunAsync(string path, string operation, int count, long? quota)
    {
        await using var backend = new FileBackend(path, new BackendOptions { Quota = quota, Durability = Durability.Batch });
        await backend.CreateAsync(default);
        await backend.OpenAsync(default);
        var value = new byte[1024];
        // The background flush must not be counted: after a flush its next turn is far away.
        for (var i = 0; i < count; i++) await backend.StoreAsync($"data/{i:0000}", value, StoreMode.Overwrite, default);
        await LoopAsync(1);
        await backend.FlushAsync(default);

        File.Exists(Begin);
        await LoopAsync(count);
        File.Exists(End);

        async Task LoopAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var name = $"data/{i:0000}";
                switch (operation)
                {
                    case "store": await backend.StoreAsync(name, value, StoreMode.Overwrite, default); break;
                    case "create": await backend.StoreAsync($"data/new-{times}-{i}", value, StoreMode.CreateNew, default); break;
                    case "info": await backend.FindAsync(name, default); break;
                    case "move": await backend.MoveAsync(name, name + ".del", StoreMode.Overwrite, default); break;
                    case "delete": await backend.DeleteAsync(name, default); break;
                    case "load":
                        await using (var stream = await backend.LoadAsync(name, default, default)) await stream!.ReadToEndAsync();
                        break;
                    case "gather":
                        // Two ranges of each item that are not adjacent, and two that are.
                        var blocks = Enumerable.Range(0, times).SelectMany(item => new Block[]
                        {
                            new($"data/{item:0000}", 0, 10), new($"data/{item:0000}", 500, 100), new($"data/{item:0000}", 600, 100),
                        });
                        await using (var stream = await backend.GatherAsync([.. blocks], default)) await stream.ReadToEndAsync();
                        return;
                    case "list":
                        await foreach (var _ in backend.ListAsync("data", ListScope.OneLevel, default)) { }
                        return;
                    default: throw new ArgumentException(operation);
                }
            }
        }
    }
}
