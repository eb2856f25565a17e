using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Shared;
using BorgStore.Caching;
using Microsoft.Coyote.Specifications;
using Microsoft.Coyote.SystematicTesting;

namespace BorgStore.Tests.Schedules;

/// <summary>The parts of the library that threads share, each with a few callers. Every method is run with many schedules.</summary>
public static class SharedPartSchedules
{
    /// <summary>When a gate is closed, no call enters any more, and closing waits for the calls inside.</summary>
    [Test]
    public static async Task Gate()
    {
        var gate = new OperationGate("store");
        gate.Open();
        var (inside, isClosed) = (0, false);
        var callers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            try
            {
                using var lease = gate.Enter(default);
                Interlocked.Increment(ref inside);
                Specification.Assert(!Volatile.Read(ref isClosed), "An operation began after the gate was closed.");
                await Task.Yield();
                Interlocked.Decrement(ref inside);
            }
            catch (StoreException e) when (e.Error == StoreError.StoreNotOpen)
            {
                // It came too late.
            }
        })).ToList();
        await gate.CloseAsync();
        Specification.Assert(Volatile.Read(ref inside) == 0, "The gate closed during an operation.");
        Volatile.Write(ref isClosed, true);
        await Task.WhenAll(callers);
    }

    /// <summary>One change of a name at a time; a value is stored in the cache only while its name is not changed; nothing is left over.</summary>
    [Test]
    public static async Task CacheAdmission()
    {
        var names = new NameTable();
        var changing = 0;
        var changes = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            using (await names.BeginChangeAsync("a", default))
            {
                Specification.Assert(Interlocked.Increment(ref changing) == 1, "Two changes of a name at once.");
                await Task.Yield();
                Interlocked.Decrement(ref changing);
            }
        }));
        var fill = Task.Run(async () =>
        {
            if (names.TryBeginFill("a", out var _) is not { } filling) return;
            if (filling.TryBeginStoring(null))
            {
                Specification.Assert(Volatile.Read(ref changing) == 0, "A value is stored in the cache while its name is changed.");
                await Task.Yield();
                Specification.Assert(Volatile.Read(ref changing) == 0, "A name is changed while its value is stored in the cache.");
            }
            names.EndFill(filling, isCached: true);
        });
        await Task.WhenAll([.. changes, fill]);
        Specification.Assert(names.TryBeginFill("a", out _) is not null, "A name that nobody uses is still taken.");
    }

    /// <summary>No more bytes are in flight than there are, and all of them are there in the end.</summary>
    [Test]
    public static async Task Credits()
    {
        var credits = new Credits(10);
        var taken = 0;
        await Task.WhenAll(Enumerable.Range(1, 4).Select(number => Task.Run(async () =>
        {
            await credits.TakeAsync(number * 2, default);
            Specification.Assert(Interlocked.Add(ref taken, number * 2) <= 10, "More bytes are in flight than there are.");
            await Task.Yield();
            Interlocked.Add(ref taken, -number * 2);
            credits.Return(number * 2);
        })));
        Specification.Assert(credits.TryTake(10), "Some bytes were not returned.");
    }

    /// <summary>One caller at a time has the lock of a name, although others give up.</summary>
    [Test]
    public static async Task NameLock()
    {
        var locks = new NameLocks();
        var inside = 0;
        using var giveUp = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 3).Select(number => Task.Run(async () =>
        {
            try
            {
                using (await locks.EnterAsync("a", number == 0 ? giveUp.Token : default))
                {
                    Specification.Assert(Interlocked.Increment(ref inside) == 1, "Two callers have the lock.");
                    await Task.Yield();
                    Interlocked.Decrement(ref inside);
                }
            }
            catch (OperationCanceledException) when (number == 0)
            {
                // It waited too long.
            }
        }));
        await Task.WhenAll([.. callers, Task.Run(giveUp.Cancel)]);
    }

    /// <summary>Connections that fail are made again for each caller.</summary>
    [Test]
    public static async Task ConnectionPool()
    {
        var pool = new ConnectionPool(_ => Task.FromException<SftpConnection>(new StoreException(StoreError.ConnectionLost)), 2);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            for (var attempt = 0; attempt < 2; attempt++)
            {
                try
                {
                    await pool.GetAsync(default);
                    Specification.Assert(false, "There is a connection.");
                }
                catch (StoreException e) when (e.Error == StoreError.ConnectionLost)
                {
                    // As each of them does.
                }
            }
        })));
        await pool.DisposeAsync();
    }

    /// <summary>What is counted is there, and never more than the quota. Within one store, because only its locks can be steered, and not those of files.</summary>
    [Test]
    public static async Task Quota()
    {
        var path = Directory.CreateTempSubdirectory("borgstore-").FullName;
        try
        {
            var store = Path.Combine(path, "store");
            await using (var creator = new FileBackend(store)) await creator.CreateAsync(default);
            var options = new BackendOptions { Quota = 10, Durability = Durability.None };
            await using var backend = new FileBackend(store, options);
            await backend.OpenAsync(default);
            await Task.WhenAll(
                Task.Run(() => TryAsync(() => backend.StoreAsync("a", new byte[6], StoreMode.Overwrite, default).AsTask())),
                Task.Run(() => TryAsync(() => backend.StoreAsync("b", new byte[6], StoreMode.Overwrite, default).AsTask())),
                Task.Run(() => backend.DeleteAsync("a", default).AsTask()));
            var bytes = new[] { "a", "b" }.Sum(name => File.Exists(Path.Combine(store, name)) ? 6 : 0);
            Specification.Assert(bytes <= 10, "More is stored than the quota allows.");
            Specification.Assert((await backend.GetQuotaAsync(default)).Used == bytes, "The quota counts something else than what is there.");
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }

        static async Task TryAsync(Func<Task> store)
        {
            try
            {
                await store();
            }
            catch (StoreException e) when (e.Error == StoreError.QuotaExceeded)
            {
                // The other one was backend.
            }
        }
    }
}
