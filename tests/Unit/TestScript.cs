using System.Diagnostics;

namespace BorgStore.Tests;

/// <summary>Shell scripts in the place of programs.</summary>
internal static class TestScript
{
    /// <summary>Writes a script that can be started at once. Another process writes it: a child that this process is just starting inherits the
    /// files that are open for writing, and a program that is open for writing cannot be started ("text file busy").</summary>
    public static void Write(string path, string text)
    {
        if (OperatingSystem.IsWindows())
        {
            File.WriteAllText(path, text);
            return;
        }
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "cat > \"$0\" && chmod 700 \"$0\"", path]) { RedirectStandardInput = true })!;
        shell.StandardInput.Write(text);
        shell.StandardInput.Close();
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }
}
