using BorgStore.Processes;

namespace BorgStore.Tests.Borg;

/// <summary>The root file system that tests/servers/borg-root.sh makes, with Borg 2 and the Python package of today.</summary>
internal static class BorgRoot
{
    /// <summary>The variable that tests/run sets in a run that makes the root file system: its tests may not be skipped then.</summary>
    private const string RequiredVariable = "BORGSTORE_TEST_PEERS";

    private static readonly string Cache = Environment.GetEnvironmentVariable("BORGSTORE_TEST_CACHE") is { Length: > 0 } cache ? cache
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } caches ? caches
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "borgstore-tests");

    public static bool Exists { get; } = OperatingSystem.IsLinux() && Environment.UserName == "root" && Directory.Exists(Path.Combine(Cache, "borg-root"));

    /// <summary>Returns the command that runs a program in there. The process is the program's own; a signal reaches it.</summary>
    /// <param name="program">The program's name.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ChildCommand Run(string program, params IEnumerable<string> arguments)
        // By its variable, since a test may change HOME.
        => new("env", [$"BORGSTORE_TEST_CACHE={Cache}", "bash", Path.Combine(AppContext.BaseDirectory, "servers", "borg-root-run"), program, .. arguments]);

    /// <summary>Skips the test where a program of a peer is missing, and fails it in a run that installs them.</summary>
    /// <param name="isThere">Whether the program is there.</param>
    /// <param name="reason">Why the test can't run.</param>
    public static void RequireThat(bool isThere, string reason)
    {
        var text = $"{reason} (tests/servers/borg-root.sh brings it, on Debian, as root; PYTHON and PYTHONPATH name another Python).";
        if (Environment.GetEnvironmentVariable(RequiredVariable) == "required") Assert.True(isThere, text);
        Assert.SkipUnless(isThere, text);
    }
}
