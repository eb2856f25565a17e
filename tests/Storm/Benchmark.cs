using System.Diagnostics;
using System.Globalization;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;

namespace BorgStore.Tests.Storm;

/// <summary>Measures the time of each operation on values of 1 KiB in a fresh store.</summary>
internal static class Benchmark
{
    public static async Task RunAsync(string path, string way, int count)
    {
        Func<string, FileSystem> calls = way == "portable" ? root => new PortableFileSystem(root) : root => new LinuxFileSystem(root);
        // Long enough for the JIT compiler to reach the code of a long-running process.
        for (var round = 0; round < 5; round++)
        {
            await RunOnceAsync($"{path}-warm{round}", calls, count, say: false);
            await Task.Delay(150);
        }
        await RunOnceAsync(path, calls, count, say: true);
    }

    private static async Task RunOnceAsync(string path, Func<string, FileSystem> calls, int count, bool say)
    {
        await using var backend = new FileBackend(path, new BackendOptions { Durability = Durability.None }, calls);
        await backend.CreateAsync(default);
        await backend.OpenAsync(default);
        await backend.MakeDirectoryAsync("data", default);
        var value = new byte[1024];
        var names = Enumerable.Range(0, count).Select(i => $"data/{i:x8}").ToArray();

        await MeasureAsync("store", async name => await backend.StoreAsync(name, value, StoreMode.Overwrite, default));
        await MeasureAsync("load", async name =>
        {
            await using var stream = await backend.LoadAsync(name, default, default);
            await stream!.ReadToEndAsync();
        });
        await MeasureAsync("info", async name => await backend.FindAsync(name, default));
        var watch = Stopwatch.StartNew();
        await foreach (var _ in backend.ListAsync("data", ListScope.OneLevel, default)) { }
        Say("list", watch);
        await MeasureAsync("delete", async name => await backend.DeleteAsync(name, default));

        async Task MeasureAsync(string operation, Func<string, Task> act)
        {
            var watch = Stopwatch.StartNew();
            foreach (var name in names) await act(name);
            Say(operation, watch);
        }

        void Say(string operation, Stopwatch watch)
        {
            if (say) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{operation} {watch.Elapsed.TotalNanoseconds / count:0}"));
        }
    }
}
