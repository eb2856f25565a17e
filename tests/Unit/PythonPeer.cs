using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using BorgStore.Processes;
using BorgStore.Tests.Borg;

namespace BorgStore.Tests;

/// <summary>The Python package, either from tests/servers/borg-root.sh or from an interpreter of this machine.</summary>
internal static class PythonPeer
{
    private static readonly ConcurrentDictionary<string, Lazy<ChildCommand?>> Found = new();

    /// <summary>Finds an interpreter that can import the given modules. Otherwise skips
    /// the test, or fails it in a run that installs them.</summary>
    /// <param name="modules">The modules, separated by commas.</param>
    public static ChildCommand Require(string modules)
    {
        var program = Find(modules);
        BorgRoot.RequireThat(program is not null, $"No Python here can import {modules}");
        return program!;
    }

    /// <summary>Finds an interpreter that can import the given modules, or returns <see langword="null"/>.</summary>
    /// <param name="modules">The modules, separated by commas.</param>
    public static ChildCommand? Find(string modules)
        => Found.GetOrAdd(modules, static modules => new(() => Candidates().FirstOrDefault(
            program => RunAsync(program, $"import {modules}").GetAwaiter().GetResult() is null))).Value;

    /// <summary>Runs a script.</summary>
    /// <param name="program">The interpreter.</param>
    /// <param name="script">The script.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="home">The home folder, if it is not the real one.</param>
    /// <returns>The error, or <see langword="null"/>.</returns>
    public static async Task<string?> RunAsync(ChildCommand program, string script, IEnumerable<string>? arguments = null, string? home = null)
    {
        // Wine starts programs of the host system, but neither waits for them nor reads their output.
        if (OperatingSystem.IsWindows() && program.FileName.StartsWith('/')) return "It is no program of Windows.";
        var start = new ProcessStartInfo(program.FileName, [.. program.Arguments, "-c", script, .. arguments ?? []]) { RedirectStandardError = true };
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

    private static IEnumerable<ChildCommand> Candidates()
    {
        if (Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } named) return [new(named, [])];
        ChildCommand[] own = [new("python3", []), new("/usr/bin/python3", []), new("python", [])];
        ChildCommand[] brought = BorgRoot.Exists ? [BorgRoot.Run("python3")] : [];
        // PYTHONPATH is for an interpreter of this machine, so these are tried first.
        return Environment.GetEnvironmentVariable("PYTHONPATH") is { Length: > 0 } ? [.. own, .. brought] : [.. brought, .. own];
    }
}
