using System.Diagnostics;

namespace BorgStore.Tests.Backends.Files;

/// <summary>A file system in user space that shows an underlying directory, and traces its program's system calls.</summary>
internal sealed class FuseMount(TestDirectory directory, string name = "mounted") : IAsyncDisposable
{
    private Process? _tracer;

    /// <summary>The mount point.</summary>
    public string Path => directory[name];

    /// <summary>The underlying directory.</summary>
    public string Below => directory["below"];

    private string Trace => directory["trace"];

    /// <summary>Mounts the file system, or skips the test.</summary>
    /// <param name="program">The program, such as <c>bindfs</c>.</param>
    public async Task MountAsync(string program)
    {
        if (!File.Exists("/dev/fuse")) Assert.Skip("There is no /dev/fuse.");
        if (await Programs.RunAsync(program, "--version") is null) Assert.Skip($"{program} is not installed.");
        Directory.CreateDirectory(Path);
        Directory.CreateDirectory(Below);
        try
        {
            _tracer = Programs.Start("strace", "-f", "-qq", "-y", "-e", "trace=fsync,fdatasync,syncfs", "-e", "signal=none", "-o", Trace,
                program, "-f", Below, Path);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("strace is not installed.");
        }
        for (var i = 0; i < 300 && !_tracer.HasExited; i++)
        {
            if (await Programs.RunAsync("mountpoint", "-q", Path) is (0, _)) return;
            await Task.Delay(100);
        }
        if (!_tracer.HasExited) _tracer.Kill(entireProcessTree: true);
        Assert.Skip($"{program} cannot be mounted here: {await _tracer.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Returns the underlying files and directories synced so far, in order.</summary>
    public async Task<string[]> ReadSyncsAsync() => [.. (await File.ReadAllLinesAsync(Trace))
        .Where(line => line.Contains(Below, StringComparison.Ordinal))
        .Select(line => line[(line.IndexOf(Below, StringComparison.Ordinal) + Below.Length)..].Split('>')[0].TrimStart('/'))];

    /// <summary>Kills the program, so that nothing below the mount point can be read.</summary>
    public async Task KillAsync()
    {
        _tracer!.Kill(entireProcessTree: true);
        await _tracer.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_tracer is null) return;
        await Programs.RunAsync("umount", Path);
        await _tracer.WaitForExitAsync();
        _tracer.Dispose();
    }
}
