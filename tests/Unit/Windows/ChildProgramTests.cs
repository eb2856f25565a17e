using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using BorgStore.Processes;

namespace BorgStore.Tests.Windows;

/// <summary>The behaviour of child processes on every system, tested with a .NET program.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class ChildProgramTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bytes_go_both_ways_and_the_exit_status_is_returned()
    {
        await using var child = ChildProgram.Start(ChildProgram.Copy);
        var sent = new byte[3_000_000];
        new Random(1).NextBytes(sent);
        var writing = Task.Run(async () =>
        {
            await child.Stream.WriteAsync(sent, Ct);
            child.CloseInput();
        }, Ct);
        var received = new MemoryStream();
        await child.Stream.CopyToAsync(received, Ct);
        await writing;
        Assert.Equal(sent, received.ToArray());
        Assert.Equal(7, await child.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Arguments_and_variables_arrive_unchanged()
    {
        string[] arguments = ["a b", "", "é'\"*", @"C:\folder\", @"a\\""b", "%PATH%", "^&|"];
        await using var child = ChildProgram.Start(ChildProgram.Show, arguments);
        foreach (var expected in arguments.Append("1 2")) Assert.Equal(expected, await child.ReadLineAsync());
    }

    [Fact]
    public async Task The_last_lines_of_standard_error_are_kept()
    {
        await using var child = ChildProgram.Start(ChildProgram.Complain);
        Assert.Equal(0, await child.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.EndsWith("line 19998\nline 19999", child.Errors, StringComparison.Ordinal);
        Assert.InRange(child.Errors.Length, 1000, 5000);
    }

    [Fact]
    public async Task Dispose_ends_a_child_that_ignores_the_end_of_its_input()
    {
        var child = ChildProgram.Start(ChildProgram.Stay);
        Assert.Equal("ready", await child.ReadLineAsync());
        await child.DisposeAsync();
        Assert.NotEqual(0, await child.Exited);
        Assert.False(IsRunning(child.Id));
    }

    [Fact]
    public async Task A_child_ends_with_its_killed_parent()
    {
        await using var parent = ChildProgram.Start(ChildProgram.StayWithChild);
        var id = int.Parse(await parent.ReadLineAsync(), CultureInfo.InvariantCulture);
        Assert.True(IsRunning(id));
        // Kills only the parent itself, like a task manager.
        using (var process = Process.GetProcessById(parent.Id)) process.Kill();
        for (var i = 0; i < 200 && IsRunning(id); i++) await Task.Delay(50, Ct);
        Assert.False(IsRunning(id));
    }

    [Fact]
    public async Task Ctrl_C_does_not_reach_a_child()
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "Windows only.");
        await using var parent = ChildProgram.Start(ChildProgram.InterruptBesideChild);
        Assert.Equal("stays", await parent.ReadLineAsync());
    }

    [Fact]
    public void A_missing_program_is_named()
    {
        var exception = Assert.Throws<Win32Exception>(() => ChildProcess.Start(new("no-such-program-anywhere", [])));
        Assert.Contains("no-such-program-anywhere", exception.Message, StringComparison.Ordinal);
        Assert.Equal(2, exception.NativeErrorCode);
    }

    [Fact]
    public void A_program_in_the_current_directory_is_not_started()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.Combine("planted-program.exe"), "no program");
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder.Path;
        try
        {
            var exception = Assert.Throws<Win32Exception>(() => ChildProcess.Start(new("planted-program", [])));
            Assert.Equal(2, exception.NativeErrorCode);
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    [Fact]
    public void Starting_a_program_that_yields_no_process_throws()
    {
        Assert.SkipUnless(Wine.IsHere, "Only Wine starts programs that it has no process for.");
        var exception = Assert.Throws<Win32Exception>(() => ChildProcess.Start(new(@"Z:\bin\true", [])));
        Assert.Contains(@"Z:\bin\true", exception.Message, StringComparison.Ordinal);
    }

    private static bool IsRunning(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
