using System.Diagnostics;

namespace BorgStore.Tests.S3;

/// <summary>A PowerShell process with the built module.</summary>
internal static class ModuleSession
{
    /// <summary>Runs a script to its end, or skips the test if there is no PowerShell or module.</summary>
    /// <param name="script">The script. Its first argument is the path of the module; an error ends it.</param>
    /// <param name="arguments">The other arguments.</param>
    /// <returns>The lines of its output.</returns>
    public static async Task<string[]> RunAsync(string script, params string[] arguments)
    {
        using var process = Start(script, arguments);
        var cancellationToken = TestContext.Current.CancellationToken;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        Assert.True(process.ExitCode == 0, output + await errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    /// <summary>Starts a script.</summary>
    public static Process Start(string script, params string[] arguments)
    {
        var module = FindModule();
        Assert.SkipWhen(module is null, "The module folder was not built; 'dotnet build' of the solution makes it.");
        try
        {
            return Process.Start(new ProcessStartInfo("pwsh",
                ["-NoProfile", "-NonInteractive", "-CommandWithArgs", "$ErrorActionPreference = 'Stop'\n" + script, module, .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("There is no pwsh on the PATH. Install PowerShell 7.4 or later.");
            throw;
        }
    }

    private static string? FindModule()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var module = Path.Combine(folder.FullName, "artifacts", "BorgStore", "BorgStore.psd1");
            if (File.Exists(module)) return module;
        }
        return null;
    }
}
