using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using BorgStore.Processes;

namespace BorgStore.Tests.Processes;

public class ChildProcessTests
{
    private const string ParentVariable = "BORGSTORE_TEST_PARENT_OF";

    public ChildProcessTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "These tests talk to /bin/sh.");

    [Fact]
    public async Task Bytes_are_transferred_in_both_directions_and_the_exit_status_is_returned()
    {
        await using var child = Sh("cat; exit 7");
        var sent = new byte[5_000_000];
        new Random(1).NextBytes(sent);
        var writing = Task.Run(async () =>
        {
            await child.Stream.WriteAsync(sent);
            child.CloseInput();
        });
        var received = new MemoryStream();
        await child.Stream.CopyToAsync(received);
        await writing;
        Assert.Equal(sent, received.ToArray());
        Assert.Equal(7, await child.WaitAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task The_tail_of_standard_error_is_kept()
    {
        await using var child = Sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done >&2");
        Assert.Equal(0, await child.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.EndsWith("line 19998\nline 19999", child.Errors);
        Assert.InRange(child.Errors.Length, 1000, 5000);
    }

    [Fact]
    public async Task Each_line_of_standard_error_is_reported()
    {
        var lines = new List<string>();
        await using var child = ChildProcess.Start(new("/bin/sh", ["-c", "echo one >&2; printf 'tw' >&2; sleep 0.1; printf 'o\\r\\n\\nrest' >&2"]) { ErrorLine = lines.Add });
        Assert.Equal(0, await child.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(["one", "two", "", "rest"], lines);
    }

    [Fact]
    public void A_missing_program_is_named_in_the_error()
    {
        var e = Assert.Throws<Win32Exception>(() => ChildProcess.Start(new("no-such-program-anywhere", [])));
        Assert.Contains("no-such-program-anywhere", e.Message);
    }

    [Fact]
    public async Task Arguments_and_environment_are_passed_unchanged()
    {
        await using var child = ChildProcess.Start(new("/bin/sh", ["-c", "printf '%s|' \"$@\" \"$ONE\" \"$HOME\"", "sh", "a b", "", "é'\"*"])
        {
            Environment = new Dictionary<string, string?> { ["ONE"] = "1 2", ["HOME"] = null },
        });
        using var reader = new StreamReader(child.Stream, Encoding.UTF8, leaveOpen: true);
        Assert.Equal("a b||é'\"*|1 2||", await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task A_child_runs_in_its_own_session_with_default_signals()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        await using var child = Sh("echo ready; cat");
        await ReadLineAsync(child.Stream);
        var fields = (await File.ReadAllTextAsync($"/proc/{child.Id}/stat")).Split(") ")[1].Split(' ');
        Assert.Equal(child.Id.ToString(CultureInfo.InvariantCulture), fields[2]); // process group
        Assert.Equal(child.Id.ToString(CultureInfo.InvariantCulture), fields[3]); // session
        var ignored = (await File.ReadAllLinesAsync($"/proc/{child.Id}/status")).Single(l => l.StartsWith("SigIgn", StringComparison.Ordinal));
        // Signals above 31 are only those reserved by the C library.
        Assert.Equal(0UL, ulong.Parse(ignored.Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0x7fffffff);
    }

    [Theory]
    [InlineData("cat", 30_000, 0)] // ends with its input
    [InlineData("sleep 100", 200, 128 + 15)] // must be terminated
    [InlineData("trap '' TERM; echo ready; while :; do sleep 100; done", 200, 128 + 9)] // ignores SIGTERM and must be killed
    public async Task Dispose_ends_the_child(string script, int milliseconds, int status)
    {
        var child = ChildProcess.Start(new("/bin/sh", ["-c", script]) { ExitTimeout = TimeSpan.FromMilliseconds(milliseconds) });
        if (script.Contains("ready")) await ReadLineAsync(child.Stream);
        await child.DisposeAsync();
        Assert.Equal(status, await child.Exited);
    }

    [Fact]
    public async Task Wait_does_not_wait_for_a_grandchild_that_holds_standard_error()
    {
        await using var child = Sh("sleep 60 & echo failed >&2; exit 3");
        var watch = Stopwatch.StartNew();
        Assert.Equal(3, await child.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal("failed", child.Errors);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30));
        child.Kill();
    }

    [Fact]
    public async Task Many_starts_leave_no_zombie_processes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        for (var i = 0; i < 50; i++)
        {
            await using var child = Sh("exit 0");
        }
        // A child of another test may have ended just now.
        for (var attempt = 0; CountZombies() > 0; attempt++)
        {
            Assert.True(attempt < 50, $"{CountZombies()} zombies are left.");
            await Task.Delay(100);
        }

        static int CountZombies() => Directory.GetDirectories("/proc").Count(d => int.TryParse(Path.GetFileName(d), out _)
            && TryRead(d + "/stat").Split(") ") is [.., var rest] && rest.StartsWith($"Z {Environment.ProcessId} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_child_ends_when_its_parent_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        // Ignores both the end of its input and SIGTERM.
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        start.Environment[ParentVariable] = "trap '' TERM; while :; do sleep 1; done";
        using var parent = Process.Start(start)!;
        var id = int.Parse((await parent.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        Assert.True(Directory.Exists($"/proc/{id}"));
        parent.Kill();
        for (var i = 0; i < 100 && Directory.Exists($"/proc/{id}"); i++) await Task.Delay(50);
        Assert.False(Directory.Exists($"/proc/{id}"));
    }

    // The test above starts this assembly again as the parent that gets killed.
    [ModuleInitializer]
    internal static void BeTheParentThatGetsKilled()
    {
        if (Environment.GetEnvironmentVariable(ParentVariable) is not { } script) return;
        var child = ChildProcess.Start(new("/bin/sh", ["-c", script]));
        Console.WriteLine(child.Id);
        Thread.Sleep(Timeout.Infinite);
    }

    private static ChildProcess Sh(string script) => ChildProcess.Start(new("/bin/sh", ["-c", script]));

    private static async Task<string> ReadLineAsync(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one) > 0 && one[0] != '\n') line.Append((char)one[0]);
        return line.ToString();
    }

    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
