using System.Diagnostics;
using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>Something that runs the operations of some workers.</summary>
internal interface IModelClient : IAsyncDisposable
{
    /// <summary>Runs a round.</summary>
    /// <returns>The operations with their results.</returns>
    Task<IReadOnlyCollection<ModelOperation>> RunAsync(int round);
}

/// <summary>Workers in this process, which share an open store.</summary>
internal sealed class InProcessClient : IModelClient
{
    private readonly Store _store;
    private readonly ModelPlan _plan;
    private readonly int[] _workers;

    private InProcessClient(Store store, IBackend backend, ModelPlan plan, int[] workers)
        => (_store, Worker, _plan, _workers) = (store, new(store, backend), plan, workers);

    public ModelWorker Worker { get; }

    public static async Task<InProcessClient> OpenAsync(IBackend backend, ModelPlan plan, params int[] workers)
        => new(await ModelAddress.OpenAsync(backend, TestContext.Current.CancellationToken), backend, plan, workers);

    public async Task<IReadOnlyCollection<ModelOperation>> RunAsync(int round)
    {
        var histories = await Task.WhenAll(_workers.Select(number => Task.Run(async () =>
        {
            var history = new List<ModelOperation>();
            foreach (var operation in _plan.Generate(round, number))
            {
                history.Add(operation);
                await Worker.RunAsync(operation);
            }
            return history;
        })));
        return [.. histories.SelectMany(history => history)];
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();
}

/// <summary>Workers in a process of its own, which a fault may kill.</summary>
/// <param name="order">What it is told.</param>
/// <param name="prefix">A program with arguments that runs it, such as one that takes rights away.</param>
/// <param name="environment">Further environment variables.</param>
internal sealed class ProcessClient(ModelOrder order, string[] prefix, IReadOnlyDictionary<string, string> environment) : IModelClient
{
    private Process? _process;
    private volatile bool _isWorking;
    private volatile bool _isWarm;
    private int _begun;

    /// <summary>The process if it is in the middle of a round that is not its first: then it has loaded all code that it needs.</summary>
    public int? WarmId => _isWorking && _isWarm ? _process!.Id : null;

    public async Task<IReadOnlyCollection<ModelOperation>> RunAsync(int round)
    {
        if (_process is null or { HasExited: true }) await StartAsync();
        var process = _process!;
        var history = new Dictionary<(int, int), ModelOperation>();
        try
        {
            await process.StandardInput.WriteLineAsync($"{round}");
            await process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // It was killed between two rounds.
        }
        Volatile.Write(ref _begun, 0);
        _isWorking = true;
        while (await process.StandardOutput.ReadLineAsync() is { } line && line != "done")
        {
            // The last line of a killed process may be incomplete.
            if (line.Length < 3 || line[^1] != '}') continue;
            var operation = JsonSerializer.Deserialize<ModelOperation>(line[2..], ModelOperation.Json)!;
            history[(operation.Worker, operation.Number)] = operation;
            Volatile.Write(ref _begun, history.Count);
        }
        (_isWorking, _isWarm) = (false, true);
        return history.Values;
    }

    /// <summary>Kills the process if it is in the middle of a round. The next round starts another one.</summary>
    /// <param name="begun">The number of operations that it has begun.</param>
    /// <returns>Whether it was killed.</returns>
    public bool Kill(int begun)
    {
        if (!_isWorking || Volatile.Read(ref _begun) < begun) return false;
        _process!.Kill();
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.StandardInput.Close();
        await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private async Task StartAsync()
    {
        _process?.Dispose();
        _isWarm = false;
        string[] command = [.. prefix, "dotnet", Programs.Storm, "model"];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        _process = Process.Start(start)!;
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(order, ModelOperation.Json));
        await _process.StandardInput.FlushAsync();
        Assert.Equal("ready", await _process.StandardOutput.ReadLineAsync());
    }
}
