using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Backends.Files;

/// <summary>The usage counted in one file by both our processes and the Python package.</summary>
[Trait("Category", "Server")]
public sealed class FileQuotaPythonTests : IDisposable
{
    private const long Limit = 1L << 40;

    private const string Begin = """
        import random, sys
        from borgstore.backends.posixfs import get_file_backend
        url, limit, me = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        """;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Number => _folder.Combine("store", "quota.hid");

    private string Url => new Uri(_folder.Combine("store")).AbsoluteUri;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Usage_stays_exact_when_Python_uses_the_store_too(bool isCountedByPython)
    {
        var python = PythonPeer.Require("borgstore");
        Directory.CreateDirectory(_folder.Combine("store", "data"));
        await File.WriteAllBytesAsync(_folder.Combine("store", "data", "first"), new byte[12345], Ct);
        // Python creates the file before it has counted anything.
        await File.WriteAllBytesAsync(Number, [], Ct);
        if (isCountedByPython)
            Assert.Null(await PythonPeer.RunAsync(python, $"{Begin}\nwith get_file_backend(url, quota=limit) as b: assert b.quota()['usage'] == 12345, b.quota()", [Url, $"{Limit}", ""]));
        await using (var first = await OpenAsync()) Assert.Equal(12345, (await first.GetQuotaAsync(Ct)).Used);

        var (one, oneUrl) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", Url, "--quota", $"{Limit}");
        await using var _ = one;
        var (two, twoUrl) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", Url, "--quota", $"{Limit}");
        await using var __ = two;
        await using var clientOne = new RestBackend(oneUrl);
        await using var clientTwo = new RestBackend(twoUrl);
        await clientOne.OpenAsync(Ct);
        await clientTwo.OpenAsync(Ct);
        await Task.WhenAll(
        [
            .. Enumerable.Range(0, 3).Select(i => ChangeInPythonAsync($"python-{i}")),
            .. new[] { clientOne, clientTwo }.SelectMany((client, server) => Enumerable.Range(0, 2).Select(i => Task.Run(async () =>
            {
                for (var round = 0; round < 6; round++) await ChangeAsync(client, $"server-{server}-{i}", round);
            }, Ct))),
            Task.Run(async () =>
            {
                for (var round = 0; round < 6; round++)
                {
                    await using var own = await OpenAsync();
                    await ChangeAsync(own, "own", round);
                }
            }, Ct),
        ]);

        await using (var last = await OpenAsync()) Assert.Equal(Bytes(), (await last.GetQuotaAsync(Ct)).Used);
        Assert.Equal($"{Bytes()}", await File.ReadAllTextAsync(Number, Ct));
        Assert.Equal(Bytes(), (await clientOne.GetQuotaAsync(Ct)).Used);
        Assert.Null(await PythonPeer.RunAsync(python, $"{Begin}\nwith get_file_backend(url, quota=limit) as b: assert str(b.quota()['usage']) == me, b.quota()", [Url, $"{Limit}", $"{Bytes()}"]));
    }

    [Fact]
    public async Task Python_does_not_count_our_internal_files()
    {
        var python = PythonPeer.Require("borgstore");
        await using (var creator = new FileBackend(_folder.Combine("store"))) await creator.CreateAsync(Ct);
        await using var store = await OpenAsync();
        await store.StoreAsync("data/a", new byte[1000], StoreMode.Overwrite, Ct);
        // Python deletes the number when opened without a quota, and counts when opened with one.
        Assert.Null(await PythonPeer.RunAsync(python, $"""
            {Begin}
            with get_file_backend(url): pass
            with get_file_backend(url, quota=limit) as b: assert b.quota()["usage"] == 1000, b.quota()
            """, [Url, $"{Limit}", ""]));
        await store.StoreAsync("data/b", new byte[500], StoreMode.Overwrite, Ct);
        Assert.Equal("1500", await File.ReadAllTextAsync(Number, Ct));
    }

    private static async Task ChangeAsync(IBackend store, string me, int seed)
    {
        var random = new Random(seed);
        for (var step = 0; step < 30; step++)
        {
            var name = $"data/{me}-{random.Next(8)}";
            if (random.Next(3) > 0) await store.StoreAsync(name, new byte[random.Next(200_000)], StoreMode.Overwrite, Ct);
            else await store.DeleteAsync(name, Ct);
        }
    }

    private async Task ChangeInPythonAsync(string me)
        => Assert.Null(await PythonPeer.RunAsync(PythonPeer.Require("borgstore"), $"""
            {Begin}
            for session in range(6):
                with get_file_backend(url, quota=limit) as b:
                    for step in range(30):
                        name = "data/" + me + "-" + str(random.randrange(8))
                        if random.randrange(3): b.store(name, bytes(random.randrange(200000)))
                        elif b.info(name).exists: b.delete(name)
            """, [Url, $"{Limit}", me]));

    private async Task<FileBackend> OpenAsync()
    {
        var backend = new FileBackend(_folder.Combine("store"), new BackendOptions { Quota = Limit, Durability = Durability.None });
        await backend.OpenAsync(Ct);
        return backend;
    }

    private long Bytes() => new DirectoryInfo(_folder.Combine("store", "data")).EnumerateFiles().Sum(file => file.Length);
}
