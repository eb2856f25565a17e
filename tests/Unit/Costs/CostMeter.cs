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
    /// <returns>The HTTP requests for each item, the second time: the first stores also look for the namespace.</returns>
    public async Task<double> CountRequestsAsync(string operation)
    {
        await PerformAsync(operation);
        return (await PerformAsync(operation)).Requests;
    }

    /// <summary>Performs an operation on 200 items of 1 KiB, one after another, several times, and fails if each takes too much
    /// memory.</summary>
    /// <param name="operation">The operation, as WorkLoop names it.</param>
    /// <param name="most">The most bytes that may be allocated for an item; the least of all times counts, because the runtime allocates for itself too.</param>
    public async Task CheckBytesAsync(string operation, int most)
    {
        var least = double.MaxValue;
        for (var turn = 0; turn < WarmUps + Turns; turn++)
        {
            var (bytes, _) = await PerformAsync(operation);
            if (turn >= WarmUps) least = Math.Min(least, bytes);
        }
        Assert.True(least is > 0 && least <= most, $"The operation '{operation}' allocated {least} bytes for each item, and not at most {most}.");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<(double Bytes, double Requests)> PerformAsync(string operation)
    {
        await _process.StandardInput.WriteLineAsync($"{operation} 1024 1 {Count} 0");
        await _process.StandardInput.FlushAsync();
        var response = (await ReadAsync()).Split(' ');
        Assert.True(response[0] == "ok", string.Join(' ', response));
        return (double.Parse(response[2], CultureInfo.InvariantCulture) / Count, double.Parse(response[3], CultureInfo.InvariantCulture) / Count);
    }

    private async Task<string> ReadAsync() => await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The process ended.");
}
