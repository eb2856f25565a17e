// The code of docs/csharp.md as one program: each snippet there appears here verbatim.
//   dotnet run --project samples/Tour
using System.Text;
using BorgStore;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Security;

var folder = Path.Combine(Path.GetTempPath(), $"tour-{Guid.NewGuid():n}");
var url = new Uri(folder).AbsoluteUri;
var ct = CancellationToken.None;
await File.WriteAllTextAsync(folder + ".photo", "the bytes of a photo", ct);

// Making and opening
var options = new StoreOptions(url)
{
    Layout = new(("config", 0), ("data", 2)),
};
await using (await Store.CreateAsync(options, ct)) { }

await using var store = await Store.OpenAsync(options, ct);

// Storing
await store.StoreAsync("config/main", "color = blue"u8.ToArray(), cancellationToken: ct);
await store.StoreAsync("config/owner", "me"u8.ToArray(), StoreMode.CreateNew, ct);

await using (var file = File.OpenRead(folder + ".photo"))
{
    var hash = await HashKind.Sha256.ComputeHexAsync(file, ct);
    file.Position = 0;
    await store.StoreAsync($"data/{hash}", new StoreValue(file, file.Length), cancellationToken: ct);
}

// Loading
byte[] value = await store.LoadAsync("config/main", cancellationToken: ct);
Console.WriteLine(Encoding.UTF8.GetString(value));

byte[] first5 = await store.LoadAsync("config/main", new ByteRange(0, 5), cancellationToken: ct);
byte[] last4 = await store.LoadAsync("config/main", new ByteRange(-4), cancellationToken: ct);
Console.WriteLine($"{Encoding.UTF8.GetString(first5)} … {Encoding.UTF8.GetString(last4)}");

// Streams
await using (ValueStream stream = await store.OpenReadAsync("config/main", cancellationToken: ct))
{
    Console.WriteLine($"{stream.Length} bytes follow");
    await stream.CopyToAsync(Stream.Null, ct);
}

// Listing
await foreach (StoreItem item in store.ListAsync("data", cancellationToken: ct))
{
    bool valid = await store.HashAsync(item.Name, HashKind.Sha256, cancellationToken: ct) == item.Key;
    Console.WriteLine($"{item.Name} {item.Size} {item.LastWriteTime} {(valid ? "" : "DAMAGED")}");
}

// Moving and deleting
await store.MoveAsync("config/owner", "config/author", StoreMode.CreateNew, cancellationToken: ct);
await store.SoftDeleteAsync("config/author", ct);
await store.UndeleteAsync("config/author", cancellationToken: ct);
await store.DeleteAsync("config/author", cancellationToken: ct);

// Many at a time
var items = await store.ListAsync("data", cancellationToken: ct).ToListAsync(ct);
await Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = ct },
    async (item, token) => await store.HashAsync(item.Name, HashKind.Blake3, cancellationToken: token));

// Errors
try
{
    await store.LoadAsync("config/none", cancellationToken: ct);
}
catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
{
    Console.WriteLine(e.Message);
}

if (await store.FindAsync("config/none", cancellationToken: ct) is null) Console.WriteLine("There is none.");

// Cancellation
using (var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5)))
{
    await store.StoreAsync("config/main", "color = red"u8.ToArray(), cancellationToken: patience.Token);
}

// Durability
await store.FlushAsync(ct);

// Options
var careful = new StoreOptions(url)
{
    Layout = new(
    [
        new NamespaceLayout("config", 0),
        new NamespaceLayout("data", 2) { Cache = new CachePolicy(CacheMode.WriteThrough) { Size = 4L << 30 } },
    ]),
    CacheUrl = new Uri(folder + ".cache").AbsoluteUri,
    Permissions = PermissionPresets.Get("no-delete"),
    Quota = 500_000_000_000,
    Durability = Durability.Each,
    Warning = Console.Error.WriteLine,
};
await using (var guarded = await Store.OpenAsync(careful, ct))
{
    Console.WriteLine($"{(await guarded.GetQuotaAsync(ct)).Available} bytes are free");
}

// Removing
await store.DisposeAsync();
await Store.DestroyAsync(careful with { Permissions = null }, ct);

File.Delete(folder + ".photo");
