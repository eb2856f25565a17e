using System.Diagnostics;
using System.Globalization;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>A program that is started for each measurement, so that its start counts.</summary>
/// <remarks>Commands are lines of bash. They find the files to store in <c>$SRC</c>, bring them back to the empty folder <c>$OUT</c>, and do <c>$N</c>
/// at a time; <c>$TURN</c> is another number for each time that all are stored. The command <c>store</c> stores all, and <c>clear</c> removes all,
/// which does not count.</remarks>
internal sealed class ProgramSubject : Subject
{
    private readonly Dictionary<string, string> _commands;
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private (long Size, int Count) _filled;
    private int _turn;

    /// <summary>Initializes a subject.</summary>
    /// <param name="name">The name.</param>
    /// <param name="role">Whose work it is.</param>
    /// <param name="does">Whether it does a case for which it has a command.</param>
    /// <param name="folder">A folder of its own.</param>
    /// <param name="commands">The commands by operation.</param>
    /// <param name="environment">Further variables.</param>
    public ProgramSubject(string name, Role role, Func<Case, bool> does, string folder, Dictionary<string, string> commands, IReadOnlyDictionary<string, string>? environment = null)
        : base(name, role, @case => commands.ContainsKey(@case.Operation) && does(@case))
    {
        (_commands, _folder, _environment) = (commands, folder, environment ?? new Dictionary<string, string>());
        Directory.CreateDirectory(folder);
    }

    /// <summary>A command whose time is subtracted, such as a login; <see langword="null"/> if there is none.</summary>
    public string? Overhead { get; init; }

    public override async Task<Measurement> MeasureAsync(Case @case, TimeSpan least)
    {
        if (_filled != (@case.Size, @case.Count) || @case.Operation == "store")
        {
            if (_filled.Count > 0) await RunAsync("clear", @case);
            _filled = (@case.Size, @case.Count);
            _turn++;
            if (@case.Operation != "store" && _commands.ContainsKey("store")) await RunAsync("store", @case);
        }
        var back = Path.Combine(_folder, "out");
        if (Directory.Exists(back)) Directory.Delete(back, recursive: true);
        Directory.CreateDirectory(back);
        var overhead = Overhead is null ? 0 : await RunAsync("overhead", @case);
        var time = await RunAsync(@case.Operation, @case) - overhead;
        if (@case.Operation == "delete") _filled = default;
        if (@case.Operation == "load" && Directory.EnumerateFiles(back, "*", SearchOption.AllDirectories).Count() is var found && found != @case.Count)
            throw new SubjectException($"{Name} brought back {found} of {@case.Count} values.");
        return new(time);
    }

    // The files to store, made once for each size and number.
    private string Provide(Case @case)
    {
        var source = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"src-{@case.Size}-{@case.Count}"));
        if (Directory.Exists(source) || !_commands.Values.Any(command => command.Contains("$SRC", StringComparison.Ordinal))) return source;
        Directory.CreateDirectory(source);
        var value = new byte[@case.Size];
        for (var i = 0; i < @case.Count; i++)
        {
            // Each is different, because some programs store equal ones once.
            new Random(i).NextBytes(value);
            File.WriteAllBytes(Path.Combine(source, i.ToString("x8", CultureInfo.InvariantCulture)), value);
        }
        return source;
    }

    private async Task<double> RunAsync(string operation, Case @case)
    {
        var command = operation == "overhead" ? Overhead! : _commands[operation];
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SRC"] = Provide(@case);
        start.Environment["DATA"] = Path.Combine(_folder, "data");
        start.Environment["OUT"] = Path.Combine(_folder, "out");
        start.Environment["TURN"] = _turn.ToString(CultureInfo.InvariantCulture);
        start.Environment["N"] = @case.Concurrency.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in _environment) start.Environment[name] = value;
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var time = Stopwatch.GetElapsedTime(began).TotalNanoseconds;
        return process.ExitCode == 0 ? time : throw new SubjectException($"{Name} {operation}: status {process.ExitCode}: {(await errors).Trim().ReplaceLineEndings(" ")}");
    }
}
