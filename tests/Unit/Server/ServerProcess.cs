using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using BorgStore.Processes;

namespace BorgStore.Tests.Server;

/// <summary>A program run by a test, such as our server in a process of its own, or another one. It ends with the test.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly StringBuilder _output = new();

    private ServerProcess(Process process)
    {
        Process = process;
        process.ErrorDataReceived += (_, e) => Add(e.Data);
        process.OutputDataReceived += (_, e) => Add(e.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    /// <summary>The path of our server in the build output.</summary>
    public static string OurServer => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "borgstore-server-rest.exe" : "borgstore-server-rest");

    public Process Process { get; }

    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public static ServerProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return new(Process.Start(start)!);
    }

    public static ServerProcess Start(ChildCommand program, params IEnumerable<string> arguments) => Start(program.FileName, [.. program.Arguments, .. arguments]);

    /// <summary>Starts our server and waits until it listens on TCP.</summary>
    /// <returns>The process, and the URL that it listens on.</returns>
    public static Task<(ServerProcess Server, string Url)> StartOurServerAsync(params string[] arguments)
        => StartOurServerAsync(new Dictionary<string, string>(), arguments);

    /// <summary>Starts our server with environment variables, and waits until it listens on TCP.</summary>
    public static async Task<(ServerProcess Server, string Url)> StartOurServerAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var server = Start(OurServer, arguments, environment);
        const string Before = "listening on ";
        await WaitUntilAsync(() => server.Output.Contains(Before, StringComparison.Ordinal), () => server.Output, server.Process);
        var output = server.Output;
        return (server, output[(output.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split('\n')[0].Trim());
    }

    public static async Task WaitUntilAsync(Func<bool> isReady, Func<string> describe, Process? process = null)
    {
        var start = Stopwatch.StartNew();
        while (!isReady())
        {
            if (process?.HasExited == true || start.Elapsed > TimeSpan.FromSeconds(120))
            {
                // A test that fails to start would not end the process.
                process?.Kill(entireProcessTree: true);
                throw new InvalidOperationException(describe());
            }
            await Task.Delay(20);
        }
    }

    /// <summary>Terminates the program like an administrator would. Windows has no such request, so it is killed there.</summary>
    public void Terminate()
    {
        if (OperatingSystem.IsWindows()) Process.Kill(entireProcessTree: true);
        else _ = Kill(Process.Id, 15);
    }

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            Terminate();
            await Task.WhenAny(Process.WaitForExitAsync(), Task.Delay(5000));
            if (!Process.HasExited) Process.Kill(entireProcessTree: true);
        }
        Process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
