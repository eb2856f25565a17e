using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Storm;

/// <summary>Changes a store until the process is killed, and reports what is done. A value's name is its hash.</summary>
internal static class CrashStorm
{
    public static async Task RunAsync(string path, int seed)
    {
        await using var backend = new FileBackend(path);
        await backend.OpenAsync(default);
        var output = Console.OpenStandardOutput();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() => WorkAsync(backend, output, new Random(seed * 10 + worker)))));
    }

    private static async Task WorkAsync(FileBackend backend, Stream output, Random random)
    {
        var mine = new List<(string Name, int Size)>();
        while (true)
        {
            switch (mine.Count < 4 ? 0 : random.Next(5))
            {
                case 0 or 1:
                    var value = new byte[random.Next(4) == 0 ? random.Next(400_000) : random.Next(5000)];
                    random.NextBytes(value);
                    var name = Nesting.Nest("data/" + Convert.ToHexStringLower(SHA256.HashData(value)), 1);
                    await backend.StoreAsync(name, value, StoreMode.Overwrite, default);
                    Say($"+ {name}");
                    // Store it again, over itself.
                    await backend.StoreAsync(name, new StoreValue(new MemoryStream(value), value.Length), StoreMode.Overwrite, default);
                    mine.Add((name, value.Length));
                    break;
                case 2:
                    var at = random.Next(mine.Count);
                    var (from, size) = mine[at];
                    var to = from.EndsWith(Suffixes.Deleted, StringComparison.Ordinal) ? from[..^Suffixes.Deleted.Length] : from + Suffixes.Deleted;
                    await backend.MoveAsync(from, to, StoreMode.Overwrite, default);
                    mine[at] = (to, size);
                    break;
                default:
                    var sources = Enumerable.Range(0, 3).Select(_ => mine[random.Next(mine.Count)]);
                    var made = await backend.DefragAsync(
                        new DefragRequest([.. sources.Select(source => new Block(source.Name, source.Size / 3, source.Size / 2))])
                        {
                            Algorithm = HashKind.Sha256,
                            Namespace = "data",
                            Levels = 1,
                        }, default);
                    Say($"+ {made}");
                    break;
            }
        }

        void Say(string line)
        {
            lock (output) output.Write(System.Text.Encoding.ASCII.GetBytes(line + "\n"));
        }
    }
}
