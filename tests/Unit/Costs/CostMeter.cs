using System.Diagnostics;
using System.Globalization;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Costs;

/// <summary>A process that performs operations on a store and reports what each takes, undisturbed by other tests.</summary>
internal sealed class CostMeter : IAsyncDisposable
{
    private const int Count = 200;
    private const int WarmUps = 4;
    private const int Turns = 5;
    private readonly Process _process;

    private CostMeter(Process process) => _process = process;

    /// <summary>Starts the process on a store that does not exist yet.</summary>
    public static async Task<CostMeter> StartAsync(string url)
    {
        var start = new ProcessStartInfo("dotnet", [Programs.Storm, "work", url, "store"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        // Code that was optimised meanwhile would allocate less from one moment to the next.
        start.Environment["DOTNET_TieredPGO"] = "0";
        var meter = new CostMeter(Process.Start(start)!);
        Assert.Equal("ready", await meter.ReadAsync());
        return meter;
    }

    /// <summary>Performs an operation on 200 items of 1 KiB, one after another.</summary>
    /// <param name="operation">The operation, as WorkLoop names it.</param>
    /// <returns>The bytes allocated and the HTTP requests, for each item; the least of several times, because the runtime allocates for itself too.</returns>
    public async Task<(double Bytes, double Requests)> MeasureAsync(string operation)
    {
        var (bytes, requests) = (double.MaxValue, double.MaxValue);
        for (var turn = 0; turn < WarmUps + Turns; turn++)
        {
            await _process.StandardInput.WriteLineAsync($"{operation} 1024 1 {Count} 0");
            await _process.StandardInput.FlushAsync();
            var response = (await ReadAsync()).Split(' ');
            Assert.True(response[0] == "ok", string.Join(' ', response));
            if (turn < WarmUps) continue;
            bytes = Math.Min(bytes, double.Parse(response[2], CultureInfo.InvariantCulture) / Count);
            requests = Math.Min(requests, double.Parse(response[3], CultureInfo.InvariantCulture) / Count);
        }
        return (bytes, requests);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> ReadAsync() => await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The process ended.");
}
