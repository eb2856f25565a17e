using BorgStore.Synchronization;

namespace BorgStore.Tests.Storm;

/// <summary>Makes a store equal to another one, several items at a time, and prints a line when it begins and when all is done.</summary>
internal static class SyncStorm
{
    public static async Task RunAsync(string sourceUrl, string destinationUrl)
    {
        await using var source = await Store.OpenAsync(new(sourceUrl) { Layout = Layout.StoreLayout.Borg2 });
        await using var destination = await Store.OpenAsync(new(destinationUrl) { Layout = Layout.StoreLayout.Borg2 });
        using var sync = new StoreSync(source, destination, new() { Deletes = true });
        Console.WriteLine("begun");
        foreach (var phase in sync.Phases)
            await Parallel.ForEachAsync(sync.PlanAsync(phase), new ParallelOptions { MaxDegreeOfParallelism = 4 },
                async (step, token) => await sync.ApplyAsync(step, cancellationToken: token));
        Console.WriteLine("done");
    }
}
