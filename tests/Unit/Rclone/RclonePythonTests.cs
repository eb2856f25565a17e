using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;

namespace BorgStore.Tests.Rclone;

/// <summary>A store through rclone is the same to the Python package, both ways. Runs where that can be imported.</summary>
public sealed class RclonePythonTests
{
    private const string Begin = """
        import sys
        from borgstore.store import Store
        store = Store("rclone:" + sys.argv[1], config={"config/": {"levels": [0]}, "data/": {"levels": [2]}})
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_Python_stored_is_read_here()
    {
        using var folder = new TemporaryFolder();
        await RunPythonAsync(folder, $"""
            {Begin}
            store.create()
            with store:
                store.store("config/main", b"hello")
                store.store("config/empty", b"")
                for i in range(20):
                    store.store("data/%08x" % (i * 7919), bytes([i]) * (i * 1000))
                store.move("config/main", delete=True)
            """);

        await using var store = new RcloneBackend("rclone:" + folder.Combine("store"));
        await store.OpenAsync(Ct);
        Assert.Equal("hello"u8.ToArray(), await LoadAsync(store, "config/main.del"));
        Assert.Empty((await LoadAsync(store, "config/empty"))!);
        for (var i = 0; i < 20; i++)
        {
            var value = await LoadAsync(store, BorgStore.Naming.Nesting.Nest($"data/{i * 7919:x8}", 2));
            Assert.Equal(Enumerable.Repeat((byte)i, i * 1000), value);
        }
        var count = 0;
        await foreach (var _ in store.ListAsync("data", ListScope.Tree, Ct)) count++;
        Assert.Equal(20, count);
    }

    [Fact]
    public async Task What_was_stored_here_Python_reads()
    {
        using var folder = new TemporaryFolder();
        await using (var store = new RcloneBackend("rclone:" + folder.Combine("store")))
        {
            RcloneProgram.Require();
            await store.CreateAsync(Ct);
            await store.OpenAsync(Ct);
            await store.StoreAsync("config/main", "hello"u8.ToArray(), StoreMode.Overwrite, Ct);
            for (var i = 0; i < 20; i++)
                await store.StoreAsync(
                    BorgStore.Naming.Nesting.Nest($"data/{i * 7919:x8}", 2), Enumerable.Repeat((byte)i, i * 1000).ToArray(), StoreMode.Overwrite, Ct);
            await store.MoveAsync("config/main", "config/main.del", StoreMode.Overwrite, Ct);
        }
        await RunPythonAsync(folder, $"""
            {Begin}
            with store:
                assert store.load("config/main", deleted=True) == b"hello"
                for i in range(20):
                    assert store.load("data/%08x" % (i * 7919)) == bytes([i]) * (i * 1000)
                assert len(list(store.list("data"))) == 20, list(store.list("data"))
                store.delete("data/%08x" % 7919)
            """);
        Assert.False(File.Exists(folder.Combine("store", "data", "00", "00", "00001eef")));
        Assert.True(File.Exists(folder.Combine("store", "data", "00", "00", "00003dde")));
    }

    private static async Task<byte[]?> LoadAsync(RcloneBackend store, string name)
    {
        await using var stream = await store.LoadAsync(name, ByteRange.Whole, Ct);
        return stream is null ? null : await stream.ReadToEndAsync(Ct);
    }

    private static async Task RunPythonAsync(TemporaryFolder folder, string script)
    {
        RcloneProgram.Require();
        var (found, _) = await StartPythonAsync("import borgstore, requests");
        Assert.SkipUnless(found, "The Python package borgstore cannot be imported with what its rclone backend needs (PYTHON, PYTHONPATH).");
        var (succeeded, errors) = await StartPythonAsync(script, folder.Combine("store"));
        Assert.True(succeeded, errors);
    }

    private static async Task<(bool Succeeded, string Errors)> StartPythonAsync(string script, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("PYTHON") ?? "python3", ["-c", script, .. arguments])
            {
                RedirectStandardError = true,
            })!;
            var errors = await process.StandardError.ReadToEndAsync(Ct);
            await process.WaitForExitAsync(Ct);
            return (process.ExitCode == 0, errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (false, "There is no Python.");
        }
    }
}
