// Stores keys and values in a store in a folder: the given one, or a new one in the temporary folder.
//   dotnet run --project samples/QuickStart [folder]
using System.Text;
using BorgStore;
using BorgStore.Hashing;

var folder = Path.GetFullPath(args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"quickstart-{Guid.NewGuid():n}"));
var options = new StoreOptions(new Uri(folder).AbsoluteUri)
{
    // Two namespaces: config is flat, data distributes its keys over two levels of directories.
    Layout = new(("config", 0), ("data", 2)),
};

try
{
    await using (var store = await Store.CreateAsync(options))
    {
        Console.WriteLine($"A new store at {store.Url}");
        await store.StoreAsync("config/main", "color = blue"u8.ToArray());

        // A value can be named by its own hash, so that anyone can verify it.
        for (var i = 1; i <= 3; i++)
        {
            var value = Encoding.UTF8.GetBytes($"This is value {i}.");
            await store.StoreAsync($"data/{HashKind.Sha256.ComputeHex(value)}", value);
        }
    }

    // When the store is opened again, its namespaces are recognised.
    await using (var store = await Store.OpenAsync(new StoreOptions(options.Url)))
    {
        Console.WriteLine($"It holds {store.Layout}");
        Console.WriteLine($"config/main says: {Encoding.UTF8.GetString(await store.LoadAsync("config/main"))}");

        await foreach (var item in store.ListAsync("data"))
        {
            var valid = await store.HashAsync(item.Name, HashKind.Sha256) == item.Key;
            Console.WriteLine($"{item.Name}  {item.Size} bytes  {(valid ? "valid" : "DAMAGED")}");
        }

        await store.SoftDeleteAsync("config/main");
        Console.WriteLine($"Soft-deleted, config/main is {(await store.FindAsync("config/main") is null ? "gone" : "there")}.");
        await store.UndeleteAsync("config/main");
        Console.WriteLine($"Restored, it says: {Encoding.UTF8.GetString(await store.LoadAsync("config/main"))}");
    }
    return 0;
}
catch (StoreException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
