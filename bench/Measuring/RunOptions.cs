using System.Globalization;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Places;

namespace BorgStore.Benchmarks.Measuring;

/// <summary>The options of <c>bench/run</c>.</summary>
internal sealed record RunOptions
{
    public const string Usage = """
        usage: bench/run [OPTION]...
          --only TEXT[,TEXT...]   only places, or cases whose title contains all words of a TEXT: --only file, --only "s3 load", --only growth
          --quick                 few items and rounds: two minutes, for a first look; times of such a run are not compared
          --all                   also the operations on all sizes that do not depend on the size
          --minutes N             how long the usual places are measured together (17), besides the start of servers
          --items N               the largest number of items of growth (1000000); 10000000 only lists a folder
          --folder FOLDER         where the stores are (/dev/shm, or the folder for temporary files)
          --output FILE           the results (artifacts/bench/results.json); places that are not measured stay in it
          --document              writes the figures of the results into docs/performance.md
          --from FILE             measures nothing, and reports the results in FILE
        """;

    private static readonly HashSet<string> PlaceNames = [.. Place.CreateAll().Select(place => place.Name)];

    public bool IsQuick { get; init; }

    public bool MeasuresAll { get; init; }

    public IReadOnlyList<string[]> Only { get; init; } = [];

    public double Minutes { get; init; } = 17;

    public int Items { get; init; } = 1_000_000;

    public string Folder { get; init; } = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    public string Output { get; init; } = Path.Combine(Session.Root, "artifacts", "bench", "results.json");

    public string? From { get; init; }

    public bool Documents { get; init; }

    /// <summary>Parses the command line.</summary>
    /// <exception cref="ArgumentException">It is wrong; the message is for the user.</exception>
    public static RunOptions Parse(IEnumerable<string> args)
    {
        var options = new RunOptions();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            options = option switch
            {
                "--quick" => options with { IsQuick = true },
                "--all" => options with { MeasuresAll = true },
                "--document" => options with { Documents = true },
                "--only" => options with { Only = [.. Value().Split(',').Select(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries))] },
                "--minutes" => options with { Minutes = double.Parse(Value(), CultureInfo.InvariantCulture) },
                "--items" => options with { Items = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--folder" => options with { Folder = Value() },
                "--output" => options with { Output = Value() },
                "--from" => options with { From = Value() },
                _ => throw new ArgumentException($"There is no option {option}.\n{Usage}"),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new ArgumentException($"{option} needs a value.\n{Usage}");
        }
        return options;
    }

    /// <summary>Whether a place may have cases that are wanted: it is named, or none is.</summary>
    public bool Wants(Place place) => Only.Count == 0 ? place.IsUsual
        : Only.Any(words => words.Contains(place.Name) || (place.IsUsual && !words.Any(PlaceNames.Contains)));

    /// <summary>Whether a case is wanted.</summary>
    public bool Wants(Case @case) => Only.Count == 0 || Only.Any(words => words.All(word => PlaceNames.Contains(word) ? word == @case.Place || word == @case.Operation : @case.Title.Contains(word, StringComparison.Ordinal)));
}
