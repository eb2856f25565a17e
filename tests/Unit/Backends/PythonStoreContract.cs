using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Tests.Backends;

/// <summary>A store that the Python package reaches as well is the same for both.</summary>
public abstract class PythonStoreContract
{
    private const int Count = 20;

    private const string Begin = """
        import hashlib, sys
        from borgstore.store import Store
        store = Store(sys.argv[1], config={"config/": {"levels": [0]}, "data/": {"levels": [2]}})
        def name(i): return hashlib.sha256(b"%d" % i).hexdigest()
        def value(i): return bytes([i]) * (i * 10000)
        """;

    private static readonly StoreLayout Layout = new(("config", 0), ("data", 2));

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>The modules that Python needs.</summary>
    protected abstract string Modules { get; }

    /// <summary>The store's URL for Python.</summary>
    protected abstract string Url { get; }

    /// <summary>The home folder for Python, or <see langword="null"/> for the real one.</summary>
    protected virtual string? Home => null;

    /// <summary>Creates a backend for the store.</summary>
    protected abstract IBackend CreateBackend();

    [Fact]
    public async Task Values_stored_by_Python_can_be_read()
    {
        await RunPythonAsync($$"""
            {{Begin}}
            store.create()
            with store:
                store.store("config/main", b"hello")
                store.store("config/empty", b"")
                for i in range({{Count}}):
                    store.store("data/" + name(i), value(i))
                store.move("data/" + name(3), delete=True)
                made = store.defrag([(name(1), 100, 50), (name(2), 0, 20000)], algorithm="sha256", namespace="data")
                assert made == hashlib.sha256(value(1)[100:150] + value(2)).hexdigest(), made
            """);

        // Opened without giving the levels.
        await using var store = await Store.OpenAsync(CreateBackend(), new(Url), Ct);
        Assert.Equal("hello"u8.ToArray(), await store.LoadAsync("config/main", cancellationToken: Ct));
        Assert.Empty(await store.LoadAsync("config/empty", cancellationToken: Ct));
        for (var i = 0; i < Count; i++) Assert.Equal(Value(i), await store.LoadAsync(Name(i), deleted: i == 3, cancellationToken: Ct));
        await store.UndeleteAsync(Name(3), cancellationToken: Ct);
        Assert.Equal(Value(3), await store.LoadAsync(Name(3), cancellationToken: Ct));
        byte[] made = [.. Value(1).AsSpan(100, 50), .. Value(2)];
        Assert.Equal(made, await store.LoadAsync("data/" + HashKind.Sha256.ComputeHex(made), cancellationToken: Ct));
        Assert.Equal(Count + 1, await CountAsync(store));
    }

    [Fact]
    public async Task Python_can_read_stored_values()
    {
        PythonPeer.Require(Modules);
        await using (var creator = CreateBackend()) await creator.CreateAsync(Ct);
        await using (var store = await Store.OpenAsync(CreateBackend(), new(Url) { Layout = Layout }, Ct))
        {
            await store.StoreAsync("config/main", "hello"u8.ToArray(), cancellationToken: Ct);
            for (var i = 0; i < Count; i++) await store.StoreAsync(Name(i), Value(i), cancellationToken: Ct);
            await store.SoftDeleteAsync(Name(3), Ct);
            await store.DefragAsync("data", [new(Name(1), 100, 50), new(Name(2), 0, 20000)], HashKind.Sha256, Ct);
        }
        await RunPythonAsync($$"""
            {{Begin}}
            with store:
                assert store.load("config/main") == b"hello"
                for i in range({{Count}}):
                    assert store.load("data/" + name(i), deleted=i == 3) == value(i), i
                made = value(1)[100:150] + value(2)
                assert store.load("data/" + hashlib.sha256(made).hexdigest()) == made
                assert len(list(store.list("data"))) == {{Count}}, list(store.list("data"))
                store.move("data/" + name(3), undelete=True)
                store.delete("data/" + name(5))
            """);
        await using var again = await Store.OpenAsync(CreateBackend(), new(Url) { Layout = Layout }, Ct);
        Assert.Equal(Value(3), await again.LoadAsync(Name(3), cancellationToken: Ct));
        Assert.Null(await again.FindAsync(Name(5), cancellationToken: Ct));
        Assert.Equal(Count, await CountAsync(again));
    }

    private static string Name(int i) => "data/" + HashKind.Sha256.ComputeHex(System.Text.Encoding.ASCII.GetBytes($"{i}"));

    private static byte[] Value(int i) => [.. Enumerable.Repeat((byte)i, i * 10000)];

    private static async Task<int> CountAsync(Store store)
    {
        var count = 0;
        await foreach (var _ in store.ListAsync("data", cancellationToken: Ct)) count++;
        return count;
    }

    private async Task RunPythonAsync(string script)
        => Assert.Null(await PythonPeer.RunAsync(PythonPeer.Require(Modules), script, [Url], Home));
}
