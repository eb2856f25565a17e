using BorgStore.Processes;

namespace BorgStore.Tests.Borg;

/// <summary>The root file system made by tests/servers/borg-root.sh, with Borg 2 and the current Python package.</summary>
internal static class BorgRoot
{
    /// <summary>The variable that tests/run sets when it makes the root file system, so that its tests must not be skipped.</summary>
    private const string RequiredVariable = "BORGSTORE_TEST_PEERS";

    private static readonly string Cache = Environment.GetEnvironmentVariable("BORGSTORE_TEST_CACHE") is { Length: > 0 } cache ? cache
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } caches ? caches
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "borgstore-tests");

    public static bool Exists { get; } = OperatingSystem.IsLinux() && Environment.UserName == "root" && Directory.Exists(Path.Combine(Cache, "borg-root"));

    /// <summary>Returns the command that runs a program in the root file system. Its process is the program itself, so signals reach it.</summary>
    /// <param name="program">The program's name.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ChildCommand Run(string program, params IEnumerable<string> arguments)
        // Passes the variable, because a test may change HOME.
        => new("env", [$"BORGSTORE_TEST_CACHE={Cache}", "bash", Path.Combine(AppContext.BaseDirectory, "servers", "borg-root-run"), program, .. arguments]);

    /// <summary>Skips the test if a program of a peer is missing, or fails it in a run that installs them.</summary>
    /// <param name="isThere">Whether the program is there.</param>
    /// <param name="reason">Why the test can't run.</param>
    public static void RequireThat(bool isThere, string reason)
    {
        var text = $"{reason} (tests/servers/borg-root.sh brings it, on Debian, as root; PYTHON and PYTHONPATH name another Python).";
        if (Environment.GetEnvironmentVariable(RequiredVariable) == "required") Assert.True(isThere, text);
        Assert.SkipUnless(isThere, text);
    }
}
