using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.S3.Instances;

/// <summary>What holds with several servers in front of the same stores in S3, as docs/scale.md says.</summary>
public sealed class InstanceTests(CephServer ceph)
{
    private const string Store = "photos";
    private static readonly string Authorization = $"Authorization: Basic {Convert.ToBase64String("writer:pear"u8)}\r\n";
    private static readonly string WrongHash = $"X-Content-hash-sha256: {new string('0', 64)}\r\n";
    private static readonly TimeSpan ReloadLimit = TimeSpan.FromSeconds(20);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_one_server_has_acknowledged_or_refused_holds_for_all()
    {
        await using var group = await StartAsync();
        var clients = await OpenAsync(group);

        // Whole values, at once, and gone at once.
        await clients[0].StoreAsync("data/00/a", new byte[1000], StoreMode.Overwrite, Ct);
        foreach (var client in clients)
        {
            Assert.Equal(1000, (await LoadAsync(client, "data/00/a"))!.Length);
            Assert.Equal(["00/a"], await ListAsync(client));
        }
        Assert.True(await clients[1].DeleteAsync("data/00/a", Ct));
        foreach (var client in clients) Assert.Null(await client.FindAsync("data/00/a", Ct));

        // Hashes.
        for (var i = 0; i < group.Count; i++)
        {
            using var raw = group.ConnectRaw(i);
            Assert.Equal(422, raw.Exchange("POST", $"/{Store}/data/00/damaged", Authorization + WrongHash, new byte[10]).Status);
            Assert.Null(await clients[(i + 1) % group.Count].FindAsync("data/00/damaged", Ct));
        }

        // Only one may create an item.
        for (var round = 0; round < 5; round++)
        {
            var name = $"data/00/new{round}";
            var created = await Task.WhenAll(Enumerable.Range(0, 12).Select(number => TryCreateAsync(clients[number % group.Count], name, (byte)number)));
            Assert.Equal([Assert.Single(created, made => made is not null)!.Value], (await LoadAsync(clients[round % group.Count], name))!);
        }

        // A listing whose pages come from different servers.
        for (var i = 0; i < 40; i++) await clients[i % group.Count].StoreAsync($"data/{i % 3:00}/{i:00}", new byte[i], StoreMode.Overwrite, Ct);
        Assert.Equal(await ListAsync(clients[0]), ListInPages(group, limit: 7));

        foreach (var client in clients) await client.DisposeAsync();
    }

    [Fact]
    public async Task Servers_are_ready_before_there_is_a_store()
    {
        await using var group = await ServerGroup.StartAsync(await ceph.GetAsync(), $"tests/{Guid.NewGuid():n}", 3);
        using var http = new HttpClient();
        for (var i = 0; i < group.Count; i++) Assert.Equal("ok\n", await http.GetStringAsync(new Uri(group.GetUrl(i), "/-/ready"), Ct));
        await using var creator = group.Connect(Store);
        await creator.CreateAsync(Ct);
        await creator.OpenAsync(Ct);
    }

    [Fact]
    public async Task Permissions_are_those_of_the_same_files_on_every_server()
    {
        await using var group = await StartAsync();
        var readers = await OpenAsync(group, ServerGroup.Reader);
        foreach (var reader in readers) await AssertRefusedAsync(reader);
        group.SetPermissions("no-delete");
        foreach (var (reader, number) in readers.Select((reader, number) => (reader, number)))
        {
            await WaitUntilAsync(() => TryStoreAsync(reader, $"data/00/{number}"));
            Assert.Equal(StoreError.PermissionDenied, (await Assert.ThrowsAsync<StoreException>(() => reader.DeleteAsync($"data/00/{number}", Ct).AsTask())).Error);
        }
        group.SetPermissions("read-only");
        foreach (var reader in readers)
        {
            await WaitUntilAsync(async () => !await TryStoreAsync(reader, "data/00/again"));
            await AssertRefusedAsync(reader);
            await reader.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_upload_to_a_killed_server_is_never_visible_and_can_be_removed_by_another()
    {
        await using var group = await StartAsync();
        await using var other = group.Connect(1, Store);
        await other.OpenAsync(Ct);
        using (var raw = group.ConnectRaw(0))
        {
            raw.Send(RawClient.Request("POST", $"/{Store}/data/00/large", Authorization, 40 << 20));
            raw.Send(new byte[30 << 20]);
            await WaitUntilAsync(async () => await other.ListTemporaryAsync(TimeSpan.Zero, Ct).AnyAsync(item => item.Size > 0, Ct));
            await group.KillAsync(0);
        }
        Assert.Null(await other.FindAsync("data/00/large", Ct));
        await foreach (var item in other.ListTemporaryAsync(TimeSpan.Zero, Ct)) Assert.True(await other.DeleteTemporaryAsync(item, Ct));
        Assert.Empty(await other.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
        await group.StartAsync(0);
    }

    [Fact]
    public async Task A_store_destroyed_through_one_server_is_empty_for_those_that_have_it_open()
    {
        await using var group = await StartAsync();
        var clients = await OpenAsync(group);
        await clients[0].StoreAsync("data/00/a", new byte[10], StoreMode.Overwrite, Ct);
        Assert.NotNull(await clients[1].FindAsync("data/00/a", Ct));
        await using (var destroyer = group.Connect(0, Store)) await destroyer.DestroyAsync(Ct);

        Assert.Equal(StoreError.StoreDoesNotExist, (await Assert.ThrowsAsync<StoreException>(() => clients[0].FindAsync("data/00/a", Ct).AsTask())).Error);
        Assert.Null(await clients[1].FindAsync("data/00/a", Ct));
        // The reason for the advice to destroy a store only when nobody uses it.
        await clients[1].StoreAsync("data/00/b", new byte[10], StoreMode.Overwrite, Ct);
        Assert.NotNull(await clients[0].FindAsync("data/00/b", Ct));
        foreach (var client in clients) await client.DisposeAsync();
    }

    private async Task<ServerGroup> StartAsync()
    {
        var group = await ServerGroup.StartAsync(await ceph.GetAsync(), $"tests/{Guid.NewGuid():n}", 3);
        // By way of nginx, so that its configuration is used here too.
        await using var creator = group.Connect(Store);
        await creator.CreateAsync(Ct);
        return group;
    }

    private static async Task<RestBackend[]> OpenAsync(ServerGroup group, string user = ServerGroup.Writer)
    {
        var clients = Enumerable.Range(0, group.Count).Select(number => group.Connect(number, Store, user)).ToArray();
        foreach (var client in clients) await client.OpenAsync(Ct);
        return clients;
    }

    private static async Task<byte[]?> LoadAsync(RestBackend client, string name)
    {
        await using var value = await client.LoadAsync(name, ByteRange.Whole, Ct);
        return value is null ? null : await value.ReadToEndAsync(Ct);
    }

    private static ValueTask<List<string>> ListAsync(RestBackend client) => client.ListAsync("data", ListScope.Tree, Ct).Select(item => item.Name).ToListAsync(Ct);

    private static List<string> ListInPages(ServerGroup group, int limit)
    {
        var names = new List<string>();
        string? after = null;
        var page = 0;
        do
        {
            using var raw = group.ConnectRaw(page++ % group.Count);
            var answer = raw.Exchange("GET", $"/{Store}/data/?cmd=tree&limit={limit}{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}", Authorization);
            Assert.Equal(200, answer.Status);
            using var json = JsonDocument.Parse(answer.Body);
            names.AddRange(json.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()!));
            after = json.RootElement.TryGetProperty("next", out var next) ? next.GetString() : null;
        }
        while (after is not null);
        Assert.True(page > group.Count);
        return names;
    }

    private static async Task<byte?> TryCreateAsync(RestBackend client, string name, byte value)
    {
        try
        {
            await client.StoreAsync(name, new[] { value }, StoreMode.CreateNew, Ct);
            return value;
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists)
        {
            return null;
        }
    }

    private static async Task<bool> TryStoreAsync(RestBackend client, string name)
    {
        try
        {
            await client.StoreAsync(name, new byte[10], StoreMode.CreateNew, Ct);
            return true;
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied or StoreError.ObjectAlreadyExists)
        {
            return e.Error == StoreError.ObjectAlreadyExists;
        }
    }

    private static async Task AssertRefusedAsync(RestBackend reader)
    {
        foreach (var act in new Func<Task>[]
        {
            () => reader.StoreAsync("data/00/refused", new byte[10], StoreMode.Overwrite, Ct).AsTask(),
            () => reader.DeleteAsync("data/00/refused", Ct).AsTask(),
        })
            Assert.Equal(StoreError.PermissionDenied, (await Assert.ThrowsAsync<StoreException>(act)).Error);
        Assert.Null(await reader.FindAsync("data/00/refused", Ct));
    }

    private static async Task WaitUntilAsync(Func<Task<bool>> isReached)
    {
        var end = DateTime.UtcNow + ReloadLimit;
        while (!await isReached())
        {
            Assert.True(DateTime.UtcNow < end, "It did not happen in time.");
            await Task.Delay(100, Ct);
        }
    }
}
