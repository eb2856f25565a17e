using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace BorgStore.Tests;

/// <summary>The Python package, where an interpreter of this machine can import it.</summary>
internal static class PythonPeer
{
    private static readonly ConcurrentDictionary<string, Lazy<string?>> Found = new();

    /// <summary>An interpreter that can import some modules. A test that needs it is skipped where there is none.</summary>
    /// <param name="modules">The modules, separated by commas.</param>
    public static string Require(string modules)
    {
        var program = Find(modules);
        Assert.SkipWhen(program is null, $"No Python here can import {modules} (pip install borgstore[rest,sftp]; PYTHON and PYTHONPATH say where to look).");
        return program!;
    }

    /// <summary>An interpreter that can import some modules, or <see langword="null"/>.</summary>
    /// <param name="modules">The modules, separated by commas.</param>
    public static string? Find(string modules)
        => Found.GetOrAdd(modules, static modules => new(() => Candidates().FirstOrDefault(
            program => RunAsync(program, $"import {modules}").GetAwaiter().GetResult() is null))).Value;

    /// <summary>Runs a script.</summary>
    /// <param name="program">The interpreter.</param>
    /// <param name="script">The script.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="home">The user's folder, where it shall not be that of the real one.</param>
    /// <returns>What went wrong, or <see langword="null"/>.</returns>
    public static async Task<string?> RunAsync(string program, string script, IEnumerable<string>? arguments = null, string? home = null)
    {
        // Wine starts programs of the system below it, but neither waits for them nor reads what they write.
        if (OperatingSystem.IsWindows() && program.StartsWith('/')) return "It is no program of Windows.";
        var start = new ProcessStartInfo(program, ["-c", script, .. arguments ?? []]) { RedirectStandardError = true };
        if (home is not null) start.Environment["HOME"] = home;
        try
        {
            using var process = Process.Start(start)!;
            var errors = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? null : $"It ended with status {process.ExitCode}: {errors}";
        }
        catch (Win32Exception e)
        {
            return e.Message;
        }
    }

    private static IEnumerable<string> Candidates()
        => Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } named ? [named] : ["python3", "/usr/bin/python3", "python"];
}
