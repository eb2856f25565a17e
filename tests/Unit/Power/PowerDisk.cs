using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Power;

/// <summary>A file system that loses what was not synced when its power is cut: <c>tests/power/powerfs.c</c>, compiled and mounted.</summary>
internal sealed class PowerDisk : IPowerSupply
{
    private static readonly Lazy<Task<string>> Program = new(CompileAsync);

    private readonly TestDirectory _directory = new();
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Process _process;
    private TaskCompletionSource _off = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PowerDisk(string program)
    {
        Directory.CreateDirectory(Path);
        _process = Process.Start(new ProcessStartInfo(program, [Path]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _ = ReadAsync();
    }

    /// <inheritdoc/>
    public string Path => _directory["mounted"];

    /// <inheritdoc/>
    public Task Off => _off.Task;

    /// <summary>Compiles and mounts it, or skips the test.</summary>
    public static async Task<PowerDisk> StartAsync()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("The file system whose power is cut needs Linux.");
        if (!File.Exists("/dev/fuse")) Assert.Skip("There is no /dev/fuse for the file system whose power is cut.");
        if (!Environment.IsPrivilegedProcess) Assert.Skip("Only root can mount the file system whose power is cut.");
        var disk = new PowerDisk(await Program.Value);
        var answer = await disk.AskAsync("mount");
        if (answer == "mounted") return disk;
        await disk.DisposeAsync();
        Assert.Skip($"The file system whose power is cut cannot be mounted here: {answer}.");
        return null!;
    }

    /// <inheritdoc/>
    public async Task ArmAsync(int changes, int seed)
    {
        _off = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.Equal("armed", await AskAsync($"arm {changes} {seed}"));
    }

    /// <inheritdoc/>
    public async Task<Losses> CutAsync()
    {
        var words = (await AskAsync("cut")).Split(' ');
        return new(int.Parse(words[1], CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public async Task RestoreAsync() => Assert.Equal("mounted", await AskAsync("mount"));

    /// <summary>Makes everything durable, as <c>syncfs</c> does on file systems of the kernel.</summary>
    /// <returns>Whether the power is still on.</returns>
    public async Task<bool> SyncAsync() => await AskAsync("sync") == "synced";

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // It unmounts and ends with its input.
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _turn.Dispose();
        _directory.Dispose();
    }

    private static async Task<string> CompileAsync()
    {
        var program = System.IO.Path.Combine(AppContext.BaseDirectory, "power", "powerfs");
        // Beside it first, because another run of the tests may be starting it.
        var fresh = $"{program}-{Environment.ProcessId}";
        var result = await Programs.RunAsync("cc", "-O2", "-o", fresh, System.IO.Path.Combine(AppContext.BaseDirectory, "power", "powerfs.c"));
        if (result is null) Assert.Skip("There is no C compiler for the file system whose power is cut.");
        if (result is { ExitCode: not 0, Output: var output } && output.Contains("No such file", StringComparison.Ordinal))
            Assert.Skip($"The file system whose power is cut cannot be compiled, because a header is missing: {output}");
        Assert.True(result is { ExitCode: 0 }, result?.Output);
        File.Move(fresh, program, overwrite: true);
        return program;
    }

    private async Task<string> AskAsync(string command)
    {
        await _turn.WaitAsync();
        try
        {
            await _process.StandardInput.WriteAsync(command + "\n");
            await _process.StandardInput.FlushAsync();
            return await _answers.Reader.ReadAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            if (line == "off") _off.TrySetResult();
            else _answers.Writer.TryWrite(line);
        _answers.Writer.TryComplete(new InvalidOperationException("powerfs has ended."));
    }
}
