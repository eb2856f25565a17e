using System.Collections.Concurrent;
using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task One_of_many_concurrent_creators_of_an_item_wins()
    {
        SkipIf(BackendLimits.NoExclusiveCreation);
        for (var round = 0; round < 10; round++)
        {
            var name = $"locks/{round}";
            var winners = await RaceAsync(16, i => Store.StoreAsync(name, Bytes(1000, i), StoreMode.CreateNew, Ct).AsTask());
            Assert.Equal(Bytes(1000, Assert.Single(winners)), await LoadAsync(name));

            for (var i = 0; i < 16; i++) await StoreAsync($"from/{i}", Bytes(1000, i));
            winners = await RaceAsync(16, i => Store.MoveAsync($"from/{i}", $"to/{name}", StoreMode.CreateNew, Ct).AsTask());
            Assert.Equal(Bytes(1000, Assert.Single(winners)), await LoadAsync($"to/{name}"));
        }
    }

    [Fact]
    public async Task A_concurrent_reader_sees_either_the_complete_old_or_the_complete_new_value()
    {
        SkipIf(BackendLimits.NoAtomicReplacement);
        const int Size = 300_000;
        var stop = false;
        await StoreAsync("data/a", Uniform(0));
        var writer = Task.Run(async () =>
        {
            try
            {
                for (var i = 1; i <= 60; i++) await StoreAsync("data/a", Uniform((byte)i));
            }
            finally
            {
                Volatile.Write(ref stop, true);
            }
        }, Ct);
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref stop))
            {
                var value = await LoadAsync("data/a");
                Assert.Equal(Size, value!.Length);
                Assert.Equal(-1, value.AsSpan().IndexOfAnyExcept(value[0]));
            }
        }, Ct));
        await Task.WhenAll([writer, .. readers]);

        static byte[] Uniform(byte b)
        {
            var value = new byte[Size];
            value.AsSpan().Fill(b);
            return value;
        }
    }

    [Fact]
    public async Task After_many_concurrent_operations_each_item_has_its_last_state()
    {
        // Each task has its own names in shared directories, so that the final state is known.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(task => Task.Run(async () =>
        {
            var random = new Random(task);
            var expected = new Dictionary<string, byte[]>();
            for (var step = 0; step < 60; step++)
            {
                var name = NameOf(random.Next(10));
                switch (random.Next(6))
                {
                    case 0 or 1 or 2:
                        var value = Bytes(random.Next(20_000), random.Next());
                        if (random.Next(2) == 0) await StoreAsync(name, value);
                        else await Store.StoreAsync(name, new StoreValue(new ForwardStream(value), value.Length), StoreMode.Overwrite, Ct);
                        expected[name] = value;
                        break;
                    case 3:
                        Assert.Equal(expected.Remove(name), await Store.DeleteAsync(name, Ct));
                        break;
                    case 4:
                        var newName = NameOf(random.Next(10));
                        Assert.Equal(expected.ContainsKey(name), await Store.MoveAsync(name, newName, StoreMode.Overwrite, Ct));
                        if (expected.Remove(name, out var moved)) expected[newName] = moved;
                        break;
                    default:
                        Assert.Equal(expected.GetValueOrDefault(name), await LoadAsync(name));
                        break;
                }
            }
            foreach (var (name, value) in expected) Assert.Equal(value, await LoadAsync(name));

            string NameOf(int number) => $"data/{number % 3:00}/{number:00}-{task}";
        }, Ct)));

        foreach (var item in await ListAsync("", ListScope.Tree)) Assert.Equal(item.Size, (await LoadAsync(item.Name))!.Length);
        if (await ListRawAsync() is { } files) Assert.DoesNotContain(files, file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Concurrent_stores_can_create_the_same_directories()
    {
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => StoreAsync($"deep/01/02/03/{i}", [1]).AsTask(), Ct)));
        Assert.Equal(16, (await ListAsync("deep/01/02/03")).Count);
    }

    private static async Task<List<int>> RaceAsync(int runners, Func<int, Task> run)
    {
        var winners = new ConcurrentBag<int>();
        using var start = new Barrier(runners);
        await Task.WhenAll(Enumerable.Range(0, runners).Select(i => Task.Factory.StartNew(async () =>
        {
            start.SignalAndWait(Ct);
            try
            {
                await run(i);
                winners.Add(i);
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists)
            {
            }
        }, Ct, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
        return [.. winners];
    }
}
