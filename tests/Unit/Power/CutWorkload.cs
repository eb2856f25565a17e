using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Power;

/// <summary>Changes a store until its power is cut.</summary>
/// <param name="record">The record of the changes.</param>
internal sealed class CutWorkload(CutRecord record)
{
    private int _number;

    /// <summary>Changes the store by several workers until an operation fails or all steps are done.</summary>
    /// <param name="backend">The store.</param>
    /// <param name="isEach">Whether each change is acknowledged as durable; otherwise flushes are.</param>
    /// <param name="workers">The number of workers.</param>
    /// <param name="steps">The steps of each.</param>
    /// <param name="random">The random numbers.</param>
    /// <param name="cancellationToken">A token to end it.</param>
    /// <returns>The first failure that is not the cancellation.</returns>
    public async Task<StoreException?> RunAsync(IBackend backend, bool isEach, int workers, int steps, Random random, CancellationToken cancellationToken)
    {
        var directories = random.Next();
        var seeds = Enumerable.Range(0, workers).Select(_ => random.Next()).ToArray();
        StoreException? failure = null;
        await Task.WhenAll(seeds.Select((seed, worker) => Task.Run(async () =>
        {
            try
            {
                await WorkAsync(backend, isEach, worker, directories, steps, new Random(seed), cancellationToken);
            }
            catch (StoreException e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
            catch (OperationCanceledException)
            {
                // The power is off.
            }
        }, CancellationToken.None)));
        return failure;
    }

    /// <summary>Reads the whole store.</summary>
    /// <returns>The items and their values, and the bytes of all values.</returns>
    public static async Task<(Dictionary<string, string> Found, long Bytes)> ReadAsync(IBackend backend, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, string>();
        var bytes = 0L;
        foreach (var item in await backend.ListAsync("", ListScope.Tree, cancellationToken).ToListAsync(cancellationToken))
        {
            byte[] value;
            await using (var stream = await backend.LoadAsync(item.Name, ByteRange.Whole, cancellationToken)) value = await stream!.ReadToEndAsync(cancellationToken);
            Assert.Equal(item.Size, value.Length);
            var identity = item.Name.StartsWith("packs/", StringComparison.Ordinal)
                ? item.Name.EndsWith(Convert.ToHexStringLower(SHA256.HashData(value)), StringComparison.Ordinal) ? CutRecord.Pack : null
                : CutValue.Identify(value);
            found.Add(item.Name, identity ?? CutRecord.Damaged);
            bytes += item.Size;
        }
        return (found, bytes);
    }

    // Each worker has items of its own, so that it knows their order: in a few directories of all rounds, and in new ones.
    private async Task WorkAsync(IBackend backend, bool isEach, int worker, int directories, int steps, Random random, CancellationToken cancellationToken)
    {
        var packs = new List<string>();
        for (var step = 0; step < steps; step++)
        {
            var name = AnyName();
            var value = record.Find(name);
            switch (random.Next(isEach ? 10 : 12))
            {
                case 4 when value is not null:
                    record.Begin(name, null);
                    Assert.True(await backend.DeleteAsync(name, cancellationToken));
                    record.Acknowledge(name, isEach);
                    break;
                case 5 or 6 when value is not null:
                    var newName = AnyName();
                    if (newName == name) break;
                    var mode = record.Find(newName) is null && random.Next(2) == 0 ? StoreMode.CreateNew : StoreMode.Overwrite;
                    record.BeginMove(name, newName);
                    Assert.True(await backend.MoveAsync(name, newName, mode, cancellationToken));
                    record.Acknowledge(newName, isEach);
                    record.Acknowledge(name, isEach);
                    break;
                case 7 when value is not null:
                    var (offset, length) = (random.Next(4), random.Next(4, 9));
                    var pack = await backend.DefragAsync(new DefragRequest([.. Enumerable.Repeat(new Block(name, offset, length), 1 + random.Next(300)), new Block(name, 0, 8)])
                    {
                        Algorithm = HashKind.Sha256,
                        Namespace = "packs",
                        Levels = 1,
                    }, cancellationToken);
                    record.Begin(pack, CutRecord.Pack);
                    record.Acknowledge(pack, isEach);
                    if (!packs.Contains(pack)) packs.Add(pack);
                    break;
                case 8 when packs.Count > 0:
                    var old = packs[random.Next(packs.Count)];
                    packs.Remove(old);
                    record.Begin(old, null);
                    Assert.True(await backend.DeleteAsync(old, cancellationToken));
                    record.Acknowledge(old, isEach);
                    break;
                case 10 or 11:
                    var begun = record.BeginFlush();
                    await backend.FlushAsync(cancellationToken);
                    record.EndFlush(begun);
                    break;
                default:
                    await StoreAsync(name, value is null && random.Next(2) == 0 ? StoreMode.CreateNew : StoreMode.Overwrite);
                    break;
            }
        }

        string AnyName()
        {
            var directory = random.Next(6) is var number && number < 3 ? number : ((directories + number) % 200) + 3;
            return Nesting.Nest($"data/{directory:x2}{worker:x2}{random.Next(4):x4}", 1);
        }

        async Task StoreAsync(string name, StoreMode mode)
        {
            var length = CutValue.MinLength + (random.Next(8) switch { 0 => random.Next(200_000), < 4 => random.Next(12_000), _ => random.Next(1000) });
            var number = Interlocked.Increment(ref _number);
            var bytes = CutValue.Create(number, length);
            record.Begin(name, CutValue.Describe(number, length));
            await backend.StoreAsync(name, random.Next(2) == 0 ? bytes : new StoreValue(new MemoryStream(bytes), length), mode, cancellationToken);
            record.Acknowledge(name, isEach);
        }
    }
}
