using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Hashing;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Our client with the Python package's server, and its client with ours.</summary>
[Collection(nameof(EnvironmentTests))]
public sealed class PythonPeerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Our_client_works_with_the_Python_server()
    {
        var python = PythonPeer.Require("borgstore");
        using var folder = new TemporaryFolder();
        var port = TestPorts.FindFree();
        await using var server = ServerProcess.Start(python, ["-m", "borgstore.server.rest", "--port", $"{port}", "--backend", folder.StoreUrl, "--username", "u", "--password", "p"]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(port), () => server.Output, server.Process);
        await TryAllAsync(() => new RestBackend($"http://u:p@127.0.0.1:{port}"));
    }

    [Fact]
    public async Task Our_client_works_with_the_Python_server_on_stdin()
    {
        var python = PythonPeer.Require("borgstore");
        using var folder = new TemporaryFolder();
        var program = folder.Combine("borgstore-server-rest");
        TestScript.Write(program, $"#!/bin/sh\nexec {string.Join(' ', [python.FileName, .. python.Arguments])} -m borgstore.server.rest \"$@\"\n");
        var path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", folder.Path + Path.PathSeparator + path);
        try
        {
            await TryAllAsync(() => new RestBackend($"rest:///{folder.Combine("store")}"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Theory]
    [InlineData("http")]
    [InlineData("rest")]
    public async Task The_Python_client_works_with_our_server(string scheme)
    {
        var python = PythonPeer.Require("borgstore, requests");
        EnvironmentTests.PutOurServerOnPath();
        using var folder = new TemporaryFolder();
        await using var server = await InProcessServer.StartAsync(folder.Combine("store"), options => options with { Username = "u", Password = "p" });
        var url = scheme == "http" ? server.Url.Replace("://", "://u:p@", StringComparison.Ordinal) : $"rest:///{folder.Combine("store")}";
        var script = folder.Combine("client.py");
        await File.WriteAllTextAsync(script, """
            import sys
            from borgstore.backends.rest import get_rest_backend
            from borgstore.backends.errors import ObjectNotFound, BackendAlreadyExists, BackendDoesNotExist, ReadRangeError
            def fails(error, call):
                try: call()
                except error: return
                assert False, error
            def sees_absence():
                with get_rest_backend(sys.argv[1]) as b: b.load("data/x")
            b = get_rest_backend(sys.argv[1])
            fails(BackendDoesNotExist, b.destroy)
            b.create()
            with b:
                big = bytes(range(256)) * 40000
                b.mkdir("data"); b.store("data/a", b"hello"); b.store("data/00/big", big); b.store("empty", b"")
                assert b.load("data/a") == b"hello" and b.load("data/00/big") == big and b.load("empty") == b""
                assert b.load("data/a", offset=1, size=3) == b"ell" and b.load("data/a", offset=-2) == b"lo" and b.load("data/a", offset=-4, size=2) == b"el"
                assert b.load("data/a", offset=9, size=3) == b""
                fails(ObjectNotFound, lambda: b.load("data/none"))
                fails(ObjectNotFound, lambda: b.delete("data/none"))
                fails(ObjectNotFound, lambda: list(b.list("none")))
                fails(ValueError, lambda: b.hash("data/a", "nosuch"))
                i = b.info("data/a"); assert i.exists and i.size == 5 and not i.directory and i.atime > 0
                assert b.info("data").directory and not b.info("nope").exists
                assert [(i.name, i.directory) for i in b.list("data")] == [("00", True), ("a", False)]
                assert [i.name for i in b.list("")] == ["data", "empty"]
                import hashlib; assert b.hash("data/00/big") == hashlib.sha256(big).hexdigest()
                b.move("data/a", "data/a.del"); assert not b.info("data/a").exists; b.move("data/a.del", "data/a")
                assert b.defrag([["data/a", 1, 2], ["data/00/big", 0, 3]], target="data/new", namespace="data") == "data/new"
                assert b.load("data/new") == b"el\x00\x01\x02"
                name = b.defrag([["data/a", 0, 5]], algorithm="sha256", namespace="data", levels=1)
                assert name == "data/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", name
                assert b.gather([["data/a", 1, 2], ["data/00/big", 0, 3], ["data/a", 1, 2]]) == b"el\x00\x01\x02el" and b.gather([]) == b""
                fails(ReadRangeError, lambda: b.gather([["data/a", 1, 2], ["data/a", 3, 3]]))
                fails(ObjectNotFound, lambda: b.gather([["data/none", 0, 1]]))
                assert b.quota() == {"limit": -1, "usage": -1}
                b.delete("data/a"); fails(ObjectNotFound, lambda: b.delete("data/a"))
            fails(BackendAlreadyExists, b.create)
            b.destroy()
            fails(BackendDoesNotExist, sees_absence)
            """, Ct);
        await using var client = ServerProcess.Start(python, [script, url]);
        await client.Process.WaitForExitAsync(Ct);
        Assert.True(client.Process.ExitCode == 0, client.Output);
    }

    private static async Task TryAllAsync(Func<IBackend> create)
    {
        await using (var creator = create()) await creator.CreateAsync(Ct);
        var big = new byte[5 << 20];
        new Random(1).NextBytes(big);
        await using (var store = create())
        {
            await store.OpenAsync(Ct);
            await store.MakeDirectoryAsync("data", Ct);
            await store.StoreAsync("data/a", "hello"u8.ToArray(), StoreMode.CreateNew, Ct);
            await AssertFailsAsync(StoreError.ObjectAlreadyExists, store.StoreAsync("data/a", new byte[1], StoreMode.CreateNew, Ct));
            await store.StoreAsync("data/00/big", big, StoreMode.Overwrite, Ct);
            await store.StoreAsync("data/00/stream", new StoreValue(new Backends.ForwardStream(big), big.Length), StoreMode.Overwrite, Ct);
            foreach (var (name, range, expected) in new[]
            {
                ("data/a", default, "hello"u8.ToArray()), ("data/a", new ByteRange(1, 3), "ell"u8.ToArray()), ("data/a", new(-2), "lo"u8.ToArray()),
                ("data/a", new(-4, 2), "el"u8.ToArray()), ("data/a", new(-100), "hello"u8.ToArray()), ("data/a", new(9, 2), []), ("data/a", new(1, 0), []),
                ("data/00/big", default, big), ("data/00/stream", default, big),
            })
            {
                await using var value = await store.LoadAsync(name, range, Ct);
                Assert.Equal(expected, await value!.ReadToEndAsync(Ct));
            }
            Assert.Null(await store.LoadAsync("data/none", default, Ct));
            Assert.Null(await store.FindAsync("data/none", Ct));
            Assert.Equal((5, false), ((await store.FindAsync("data/a", Ct))!.Value.Size, (await store.FindAsync("data/a", Ct))!.Value.IsDirectory));
            Assert.True((await store.FindAsync("data", Ct))!.Value.IsDirectory);
            Assert.Equal(["00/big", "00/stream", "a"], await NamesAsync(store, "data", ListScope.Tree));
            Assert.Equal(["00", "a"], await NamesAsync(store, "data", ListScope.OneLevel));
            await AssertFailsAsync(StoreError.ObjectNotFound, NamesAsync(store, "none", ListScope.OneLevel));
            Assert.Equal(HashKind.Sha256.ComputeHex(big), await store.HashAsync("data/00/big", HashKind.Sha256, Ct));
            // An algorithm that only we support.
            Assert.Equal(HashKind.Blake3.ComputeHex("hello"u8), await store.HashAsync("data/a", HashKind.Blake3, Ct));
            Assert.True(await store.MoveAsync("data/a", "data/a.del", StoreMode.CreateNew, Ct));
            Assert.False(await store.MoveAsync("data/a", "data/a.del", StoreMode.Overwrite, Ct));
            await using (var gathered = await store.GatherAsync([new("data/a.del", 1, 2), new("data/00/big", 0, 3), new("data/a.del", 1, 2)], Ct))
                Assert.Equal((byte[])[(byte)'e', (byte)'l', .. big[..3], (byte)'e', (byte)'l'], await gathered.ReadToEndAsync(Ct));
            await AssertFailsAsync(StoreError.ReadRange, store.GatherAsync([new("data/a.del", 1, 2), new("data/a.del", 3, 3)], Ct));
            await AssertFailsAsync(StoreError.ObjectNotFound, store.GatherAsync([new("data/none", 0, 1)], Ct));
            Assert.Equal("data/new", await store.DefragAsync(new([new("data/a.del", 1, 2), new("data/00/big", 0, 3)]) { Target = "data/new", Namespace = "data" }, Ct));
            await AssertFailsAsync(StoreError.ReadRange, store.DefragAsync(new([new("data/a.del", 1, 20)]) { Target = "data/new" }, Ct));
            Assert.Equal(default, await store.GetQuotaAsync(Ct));
            Assert.True(await store.DeleteAsync("data/new", Ct));
            Assert.False(await store.DeleteAsync("data/new", Ct));
            await AssertFailsAsync(StoreError.NotSupported, NamesAsync(store, "", null));
            await store.FlushAsync(Ct);
        }
        await using var destroyer = create();
        await AssertFailsAsync(StoreError.StoreAlreadyExists, new ValueTask(destroyer.CreateAsync(Ct)));
        await destroyer.DestroyAsync(Ct);
        await AssertFailsAsync(StoreError.StoreDoesNotExist, new ValueTask(destroyer.OpenAsync(Ct)));
    }

    private static async ValueTask<List<string>> NamesAsync(IBackend store, string directory, ListScope? scope)
    {
        var names = new List<string>();
        if (scope is null) await foreach (var item in store.ListTemporaryAsync(default, Ct)) names.Add(item.Id);
        else await foreach (var item in store.ListAsync(directory, scope.Value, Ct)) names.Add(item.Name);
        return names;
    }

    private static Task AssertFailsAsync<T>(StoreError error, ValueTask<T> act) => AssertFailsAsync(error, new ValueTask(act.AsTask()));

    private static async Task AssertFailsAsync(StoreError error, ValueTask act)
        => Assert.Equal(error, (await Assert.ThrowsAsync<StoreException>(() => act.AsTask())).Error);
}
