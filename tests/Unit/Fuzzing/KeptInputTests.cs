using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing;

/// <summary>The inputs that <c>tests/fuzz</c> begins with, and those that once showed a fault. Their code is not instrumented here.</summary>
public sealed class KeptInputTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fuzz");

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Each_input_that_is_kept_passes(string name)
    {
        Assert.SkipWhen(name == "rclone" && OperatingSystem.IsWindows(), "A Unix program runs in the place of rclone.");
        Assert.SkipWhen(name == "s3", "All stores on S3 of a process share the client whose answers this replaces; tests/fuzz begins with these inputs.");
        var inputs = FuzzTargets.ReadInputs(Folder, name);
        Assert.NotEmpty(inputs);
        var target = FuzzTargets.All[name]();
        using var end = target as IDisposable;
        foreach (var input in inputs)
            if (Record.Exception(() => target.Run(input)) is { } fault) Assert.Fail($"{InputFile.Format(input)}\n{fault}");
    }

    [Fact]
    public void Each_file_of_inputs_is_that_of_a_target()
        => Assert.Empty(Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Select(Path.GetFileNameWithoutExtension).Except(FuzzTargets.All.Keys));
}
