using System.Diagnostics;

namespace BorgStore.Tests.Borg;

/// <summary>A machine that backs up into a repository with the real Borg: its home folder and Borg's environment variables.</summary>
internal sealed class BorgClient
{
    /// <summary>Borg's exit code for a wrong passphrase.</summary>
    public const int WrongPassphrase = 52;

    /// <summary>Borg's exit code for a missing repository.</summary>
    public const int NoRepository = 13;

    private readonly Dictionary<string, string> _environment;

    /// <summary>Creates a client.</summary>
    /// <param name="home">The folder for its caches and its data about repositories.</param>
    /// <param name="repository">The repository's URL.</param>
    /// <param name="environment">Additional environment variables.</param>
    public BorgClient(string home, string repository, IReadOnlyDictionary<string, string>? environment = null)
    {
        BorgRoot.RequireThat(BorgRoot.Exists, "There is no Borg 2 here");
        _environment = new()
        {
            ["BORG_BASE_DIR"] = home,
            ["BORG_REPO"] = repository,
            ["BORG_PASSPHRASE"] = "first passphrase",
            ["BORG_OTHER_PASSPHRASE"] = "first passphrase",
            ["BORG_DELETE_I_KNOW_WHAT_I_AM_DOING"] = "YES",
            // Key derivation is slow on purpose, and not under test.
            ["BORG_TESTONLY_WEAKEN_KDF"] = "1",
            ["LC_ALL"] = "C.UTF-8",
            ["TZ"] = "UTC",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) _environment[name] = value;
    }

    /// <summary>The repository's URL.</summary>
    public string Repository => _environment["BORG_REPO"];

    /// <summary>Returns the same machine with another repository.</summary>
    /// <param name="repository">The repository's URL.</param>
    public BorgClient At(string repository) => new(_environment["BORG_BASE_DIR"], repository, With("BORG_REPO", repository));

    /// <summary>Returns another machine with the same repository.</summary>
    /// <param name="home">The folder for its caches.</param>
    public BorgClient Beside(string home) => new(home, Repository, With("BORG_BASE_DIR", home));

    /// <summary>Changes the passphrase of the repository's key.</summary>
    /// <param name="passphrase">The new passphrase.</param>
    /// <returns>A client with the new passphrase.</returns>
    public async Task<BorgClient> ChangePassphraseAsync(string passphrase)
    {
        await new BorgClient(_environment["BORG_BASE_DIR"], Repository, With("BORG_NEW_PASSPHRASE", passphrase)).RunAsync(Path.GetTempPath(), "key", "change-passphrase");
        return new(_environment["BORG_BASE_DIR"], Repository, With("BORG_PASSPHRASE", passphrase));
    }

    /// <summary>Runs a Borg command, which must succeed without a warning.</summary>
    /// <param name="folder">The working directory.</param>
    /// <param name="arguments">The command and its arguments.</param>
    /// <returns>The lines of its output.</returns>
    public async Task<string[]> RunAsync(string folder, params string[] arguments)
    {
        var (status, output, errors) = await TryAsync(folder, arguments);
        Assert.True(status == 0, $"borg {string.Join(' ', arguments)} ended with status {status}:\n{output}\n{errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Runs a Borg command, which must fail.</summary>
    /// <param name="expected">The expected exit code.</param>
    /// <param name="arguments">The command and its arguments.</param>
    public async Task AssertFailsAsync(int expected, params string[] arguments)
    {
        var (status, output, errors) = await TryAsync(Path.GetTempPath(), arguments);
        Assert.True(status == expected, $"borg {string.Join(' ', arguments)} ended with status {status} instead of {expected}:\n{output}\n{errors}");
    }

    private async Task<(int Status, string Output, string Errors)> TryAsync(string folder, string[] arguments)
    {
        var command = BorgRoot.Run("borg2", arguments);
        var start = new ProcessStartInfo(command.FileName, command.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var (name, value) in _environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        // Prompts get no answer.
        process.StandardInput.Close();
        var ct = TestContext.Current.CancellationToken;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(ct);
            var errors = process.StandardError.ReadToEndAsync(ct);
            await process.WaitForExitAsync(ct);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private Dictionary<string, string> With(string name, string value) => new(_environment) { [name] = value };
}
