using System.Diagnostics;

namespace BorgStore.Tests.Backends.Files;

/// <summary>A directory that is deleted after the test.</summary>
internal sealed class TestDirectory : IDisposable
{
    public TestDirectory() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "borgstore-test-" + Guid.NewGuid().ToString("n"));

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Returns the relative paths of all files in a directory, with slashes.</summary>
    public static IEnumerable<string> FilesBelow(string path) => Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
        .Select(file => System.IO.Path.GetRelativePath(path, file).Replace('\\', '/')).Order(StringComparer.Ordinal);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Programs that tests start.</summary>
internal static class Programs
{
    /// <summary>The process that tests trace and kill, built beside this assembly.</summary>
    public static string Storm { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Storm",
        Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "BorgStore.Tests.Storm.dll"));

    public static Process StartStorm(params string[] arguments) => Start("dotnet", [Storm, .. arguments]);

    public static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Process.Start(start)!;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code and output, or <see langword="null"/> if there is no such program.</returns>
    public static async Task<(int ExitCode, string Output)?> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Start(program, arguments);
            var error = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, output + await error);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
