using System.Globalization;
using BorgStore.Backends;
using BorgStore.Naming;
using BorgStore.Verification;

namespace BorgStore.Tests.Power;

/// <summary>A store whose power is cut again and again.</summary>
/// <param name="supply">The file system of the store.</param>
/// <param name="quota">The quota of the store [bytes].</param>
/// <param name="open">Opens the store as it is on the file system.</param>
internal sealed class CutTrial(IPowerSupply supply, long? quota, Func<BackendOptions, Task<CutTrial.Session>> open)
{
    private const int StepsOfAll = 400;

    private readonly CutRecord _record = new();
    private CutWorkload? _workload;

    /// <summary>The number of cuts.</summary>
    public int Cuts { get; private set; }

    /// <summary>What the cuts lost of changes that nobody had been promised.</summary>
    public Losses Losses { get; private set; }

    /// <summary>The number of changes acknowledged as durable.</summary>
    public int Acknowledged => _record.Acknowledged;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Root => Path.Combine(supply.Path, "store");

    /// <summary>Changes the store, cuts the power, and fails if a promise is broken.</summary>
    /// <param name="seed">Decides about everything.</param>
    public async Task RunAsync(int seed)
    {
        var broken = await FindBrokenAsync(seed);
        // In full.
        Assert.True(broken.Count == 0, string.Join('\n', broken));
    }

    /// <summary>Changes the store, cuts the power and compares what is left.</summary>
    /// <param name="seed">Decides about everything.</param>
    /// <returns>The broken promises.</returns>
    public async Task<List<string>> FindBrokenAsync(int seed)
    {
        var random = new Random(seed);
        var durability = random.Next(2) == 0 ? Durability.Each : Durability.Batch;
        // Four writers at a time share a sync.
        var workers = random.Next(3) switch { 0 => 1, 1 => 2, _ => 7 };
        if (_workload is null)
        {
            _workload = new(_record);
            await CreateAsync(random.Next());
        }
        var session = await open(new BackendOptions { Durability = durability, Quota = quota });
        _record.MayTear = session.MayTear;

        await supply.ArmAsync(random.Next(1, random.Next(2) == 0 ? 80 : 800), random.Next());
        using (var stop = new CancellationTokenSource())
        {
            var stopping = supply.Off.ContinueWith(_ => stop.CancelAsync(), TaskScheduler.Default).Unwrap();
            var failure = await _workload.RunAsync(session.Backend, durability == Durability.Each, workers, StepsOfAll / workers, random, stop.Token);
            if (failure is not null) await ExpectOffAsync(failure);
            if (supply.Off.IsCompleted) await stopping;
            // Closing a store flushes it.
            else if (random.Next(2) == 0) await CloseAsync(session);
        }
        Losses += await supply.CutAsync();
        Cuts++;
        await session.KillAsync();
        await supply.RestoreAsync();
        PretendRestart();
        return [.. (await CompareAsync()).Select(broken => string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {durability} with {workers} workers: {broken}"))];
    }

    // A store is durable as soon as it is created.
    private async Task CreateAsync(int seed)
    {
        await supply.ArmAsync(int.MaxValue, seed);
        await (await open(new BackendOptions { Quota = quota })).KillAsync();
        Losses += await supply.CutAsync();
        Cuts++;
        await supply.RestoreAsync();
        Assert.True(Directory.Exists(Root), $"The new store was lost (seed {seed}).");
    }

    private async Task CloseAsync(Session session)
    {
        var begun = _record.BeginFlush();
        try
        {
            await session.Backend.DisposeAsync();
            _record.EndFlush(begun);
        }
        catch (StoreException failure)
        {
            await ExpectOffAsync(failure);
        }
    }

    // The failure may be known before its cause.
    private async Task ExpectOffAsync(StoreException failure)
    {
        if (await Task.WhenAny(supply.Off, Task.Delay(TimeSpan.FromSeconds(20), Ct)) != supply.Off)
            Assert.Fail($"The store failed while the power was on: {failure}");
    }

    private async Task<List<string>> CompareAsync()
    {
        var session = await open(new BackendOptions { Durability = Durability.Each, Quota = quota });
        var backend = session.Backend;
        var (found, bytes) = await CutWorkload.ReadAsync(backend, Ct);
        var broken = _record.Compare(found);
        if (quota is not null && (await backend.GetQuotaAsync(Ct)).Used is var used && used != bytes)
            broken.Add($"the quota counts {used} bytes of {bytes}");

        foreach (var (name, value) in found)
            if (value == CutRecord.Damaged) await backend.DeleteAsync(name, Ct);
        await foreach (var item in backend.ListTemporaryAsync(TimeSpan.Zero, Ct)) Assert.True(await backend.DeleteTemporaryAsync(item, Ct));
        await session.KillAsync();
        broken.AddRange(Directory.EnumerateFiles(Root, "*" + Suffixes.Temporary, SearchOption.AllDirectories).Select(file => $"{file} cannot be removed"));

        await using var store = await Store.OpenAsync(new(new Uri(Root).AbsoluteUri) { Layout = new(("data", 1), ("packs", 1)) }, Ct);
        broken.AddRange((await new StoreVerifier(store).FindProblemsAsync(Ct).ToListAsync(Ct)).Select(finding => $"the verification says: {finding}"));
        return broken;
    }

    // The machine did not really start again, so the boot that the mark of the quota names is still the current one.
    private void PretendRestart()
    {
        foreach (var mark in Directory.EnumerateFiles(Root, "quota-session-*"))
            File.Move(mark, Path.Combine(Root, $"quota-session-{Guid.NewGuid()}{Suffixes.Hidden}"));
    }

    /// <summary>An open store.</summary>
    /// <param name="Backend">The store.</param>
    /// <param name="MayTear">Whether a value that is not durable yet may have its name without its bytes.</param>
    /// <param name="KillAsync">Ends what uses the file system, which may be off.</param>
    internal sealed record Session(IBackend Backend, bool MayTear, Func<Task> KillAsync);
}
