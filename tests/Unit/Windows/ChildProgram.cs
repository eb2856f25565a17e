using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using BorgStore.Processes;

namespace BorgStore.Tests.Windows;

/// <summary>This assembly as a program with several uses, which tests start as a child process on any system.</summary>
internal static class ChildProgram
{
    private const string Variable = "BORGSTORE_TEST_CHILD";

    /// <summary>Copies its input to its output and ends with exit code 7.</summary>
    public const string Copy = "copy";

    /// <summary>Writes its arguments and the variable ONE, each on a line.</summary>
    public const string Show = "show";

    /// <summary>Writes 20000 lines to stderr.</summary>
    public const string Complain = "complain";

    /// <summary>Writes a line and never ends by itself.</summary>
    public const string Stay = "stay";

    /// <summary>Starts a child that never ends, writes its id on a line, and never ends.</summary>
    public const string StayWithChild = "stay-with-child";

    /// <summary>Starts a child that never ends, receives Ctrl-C on its console, and writes whether the child still runs.</summary>
    public const string InterruptBesideChild = "interrupt-beside-child";

    /// <summary>Opens the file in its first argument, exclusively if there is a second, writes
    /// a line, and closes the file at the end of its input.</summary>
    public const string Hold = "hold";

    /// <summary>Replaces ssh: runs the server named in its arguments locally, and connects a subsystem to a port of this machine.</summary>
    public const string Shell = "shell";

    /// <summary>Replaces an ssh that fails to connect.</summary>
    public const string Fail = "fail";

    /// <summary>The environment variable with the port of an SFTP server that needs no login.</summary>
    public const string SftpPortVariable = "BORGSTORE_TEST_SFTP_PORT";

    public static ChildProcess Start(string use, params string[] arguments) => ChildProcess.Start(Command(use, arguments));

    public static ChildCommand Command(string use, params string[] arguments)
        => new("dotnet", ["exec", typeof(ChildProgram).Assembly.Location, .. arguments])
        {
            Environment = new Dictionary<string, string?> { [Variable] = use, ["ONE"] = "1 2" },
            ExitTimeout = TimeSpan.FromMilliseconds(500),
        };

    /// <summary>Makes this program replace ssh, or stops it doing so if the use is null.</summary>
    /// <param name="use">The use of the program, or null.</param>
    public static void StandInForSsh(string? use)
    {
        Environment.SetEnvironmentVariable(Variable, use);
        Environment.SetEnvironmentVariable("BORGSTORE_RSH", use is null ? null : $"dotnet exec \"{typeof(ChildProgram).Assembly.Location}\"");
    }

    public static async Task<string> ReadLineAsync(this ChildProcess child)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await child.Stream.ReadAsync(one) > 0 && one[0] != '\n') line.Add(one[0]);
        return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
    }

    [ModuleInitializer]
    internal static void BeChild()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } use) return;
        Environment.SetEnvironmentVariable(Variable, null);
        var arguments = Environment.GetCommandLineArgs()[1..];
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        switch (use)
        {
            case Copy:
                input.CopyTo(output);
                Environment.Exit(7);
                break;
            case Show:
                foreach (var text in arguments.Append(Environment.GetEnvironmentVariable("ONE"))) WriteLine(output, text ?? "(none)");
                break;
            case Complain:
                using (var errors = Console.OpenStandardError())
                {
                    for (var i = 0; i < 20000; i++) WriteLine(errors, $"line {i}");
                }
                break;
            case Stay:
                WriteLine(output, "ready");
                Thread.Sleep(Timeout.Infinite);
                break;
            case StayWithChild:
                WriteLine(output, Start(Stay).Id.ToString(CultureInfo.InvariantCulture));
                Thread.Sleep(Timeout.Infinite);
                break;
            case InterruptBesideChild:
                WriteLine(output, InterruptBeside(Start(Stay)));
                break;
            case Hold:
                var share = arguments.Length > 1 ? FileShare.None : FileShare.ReadWrite | FileShare.Delete;
                using (new FileStream(arguments[0], FileMode.Open, FileAccess.Read, share))
                {
                    WriteLine(output, "ready");
                    input.CopyTo(Stream.Null);
                }
                break;
            case Shell:
                BeShell(arguments, input, output);
                break;
            case Fail:
                Console.Error.WriteLine("no way to get there");
                Environment.Exit(255);
                break;
        }
        Environment.Exit(0);
    }

    private static string InterruptBeside(ChildProcess child)
    {
        _ = child.Stream.ReadByte();
        // Only this process ignores it, not the child, which is already running.
        return SetConsoleCtrlHandler(0, true) && GenerateConsoleCtrlEvent(0, 0) && !child.Exited.Wait(2000) ? "stays" : "ended";
    }

    [DllImport("kernel32")]
    private static extern bool SetConsoleCtrlHandler(nint handler, bool ignore);

    [DllImport("kernel32")]
    private static extern bool GenerateConsoleCtrlEvent(uint kind, uint group);

    private static void BeShell(string[] arguments, Stream input, Stream output)
    {
        if (Array.IndexOf(arguments, "borgstore-server-rest") is >= 0 and var at)
        {
            var server = Path.Combine(AppContext.BaseDirectory, arguments[at] + ".dll");
            using var process = Process.Start(new ProcessStartInfo("dotnet", ["exec", server, .. arguments[(at + 1)..]]))!;
            process.WaitForExit();
            Environment.Exit(process.ExitCode);
        }
        // Supports neither reading the configuration nor running programs.
        if (arguments[^1] != "sftp") Environment.Exit(127);
        using var client = new TcpClient("127.0.0.1", int.Parse(Environment.GetEnvironmentVariable(SftpPortVariable)!, CultureInfo.InvariantCulture));
        using var line = client.GetStream();
        var answers = line.CopyToAsync(output);
        input.CopyTo(line);
        client.Client.Shutdown(SocketShutdown.Send);
        answers.Wait();
    }

    private static void WriteLine(Stream stream, string text)
    {
        stream.Write(Encoding.UTF8.GetBytes(text + "\n"));
        stream.Flush();
    }
}
