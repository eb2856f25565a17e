using System.Diagnostics;
using BorgStore.Processes;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rclone;

/// <summary>The rclone program for tests.</summary>
internal static class RcloneProgram
{
    private static readonly Lazy<string?> Found = new(() => ProgramPath.Find(OperatingSystem.IsWindows() ? "rclone.exe" : "rclone"));

    /// <summary>Returns its path, or skips the test if there is none.</summary>
    public static string Require()
    {
        Assert.SkipWhen(Found.Value is null, "There is no rclone on the PATH.");
        return Found.Value!;
    }
}

/// <summary>A folder served by <c>rclone serve</c> to the tests of a class, each of which has a subfolder of its own.</summary>
public abstract class RcloneServing(string protocol, params string[] arguments) : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private Process? _process;
    private int _port;

    /// <summary>The served folder.</summary>
    public string Folder => _folder.Combine("served");

    /// <summary>The port of the server, which is started on first use.</summary>
    public int Port
    {
        get
        {
            if (_process is null) Start();
            return _port;
        }
    }

    public void Dispose()
    {
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Start()
    {
        _port = TestPorts.FindFree();
        Directory.CreateDirectory(Folder);
        _process = Process.Start(new ProcessStartInfo(RcloneProgram.Require(),
            ["serve", protocol, "--addr", $"127.0.0.1:{_port}", "--cache-dir", _folder.Combine("cache"), "--dir-cache-time", "1ms", .. arguments, Folder])
        {
            RedirectStandardError = true,
        })!;
        _process.BeginErrorReadLine();
        for (var i = 0; !TestPorts.IsOpen(_port); i++)
        {
            Assert.False(i > 500 || _process.HasExited, $"'rclone serve {protocol}' did not start.");
            Thread.Sleep(20);
        }
    }
}
