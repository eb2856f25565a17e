using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Places;

namespace BorgStore.Benchmarks.Measuring.Reports;

/// <summary>A figure that this project wants to reach.</summary>
/// <param name="What">What is compared.</param>
/// <param name="Unit">The unit of the figure; <c>×</c> for a ratio of speeds.</param>
/// <param name="Limit">The aim.</param>
/// <param name="IsAtLeast">Whether the figure should be at least as large; otherwise at most.</param>
/// <param name="Beside">Which series the figure is shown beside.</param>
/// <param name="Measure">Computes the figure of each round; empty if something was not measured.</param>
internal sealed record Aim(string What, string Unit, double Limit, bool IsAtLeast, SeriesKey Beside, Func<Results, IEnumerable<double>> Measure)
{
    private const long KiB = 1 << 10, MiB = 1 << 20;

    /// <summary>All aims. Ratios are of speeds within one run: 2 × means half the time.</summary>
    public static IReadOnlyList<Aim> All { get; } = [.. CreateAll()];

    /// <summary>What the figure is compared with, if it is not what the row of the table shows.</summary>
    public string ComparedWith { get; init; } = "";

    /// <summary>The limit with its unit.</summary>
    public string LimitText => $"{(IsAtLeast ? "≥" : "≤")} {Table.Number(Limit)} {Unit}";

    /// <summary>Returns the figure, and whether it is as wanted; <see langword="null"/> if it was not measured.</summary>
    public (Spread Figure, bool IsMet)? Judge(Results results)
    {
        var values = Measure(results).ToList();
        if (values.Count == 0) return null;
        var figure = Spread.Of(values);
        return (figure, IsAtLeast ? figure.Median >= Limit : figure.Median <= Limit);
    }

    private static IEnumerable<Aim> CreateAll()
    {
        foreach (var operation in new[] { "store", "load", "info", "list", "delete", "move" })
        {
            yield return Faster($"file: {operation}, 1 KiB, one at a time, compared with the system calls alone (1/1.25)", 0.8,
                new("file", operation, KiB, 1, Names.Ours), Names.Calls);
        }
        foreach (var (operation, limit) in new[] { ("store", 3), ("load", 2.5), ("info", 3), ("list", 3), ("delete", 1.8), ("move", 3) })
            yield return Faster($"file: {operation}, 1 KiB, compared with the Python package", limit, new("file", operation, KiB, 1, Names.Ours), Names.Python);
        foreach (var operation in new[] { "store", "load" })
        {
            yield return Compared($"file: {operation}, 1 KiB, two at a time, compared with one at a time", 1.7,
                new("file", operation, KiB, 2, Names.Ours), new("file", operation, KiB, 1, Names.Ours));
        }
        yield return Compared("growth: a million items listed, compared with `find -printf '%s'`", 0.8,
            new("growth", "list-all", 0, 1, Names.Ours, 1_000_000), new("growth", "list-all", 0, 1, GrowthPlace.Find, 1_000_000));
        foreach (var operation in new[] { "store", "load", "info", "delete" })
        {
            yield return Added($"file: what the pipeline adds to {operation}, 1 KiB, for each item", "µs", 15,
                new("file", operation, KiB, 1, Names.Pipeline), Names.Ours, 1e3);
        }
        foreach (var operation in new[] { "load", "store" })
        {
            yield return Faster($"REST: {operation}, 1 KiB, 16 at a time, with users, metrics and audit, compared with a bare Kestrel handler", 0.95,
                new("rest", operation, KiB, 16, RestPlace.WrkFull), RestPlace.WrkFloor);
            yield return Faster($"REST: {operation}, 1 KiB, 16 at a time, our client compared with wrk on the same server", 0.7,
                new("rest", operation, KiB, 16, Names.Ours), RestPlace.WrkOurs);
            yield return Faster($"REST: {operation}, 1 KiB, 16 at a time, our client compared with a bare HttpClient on the same server", 0.9,
                new("rest", operation, KiB, 16, Names.Ours), RestPlace.Client);
        }
        foreach (var operation in new[] { "load", "store" })
            yield return Faster($"sftp: {operation}, 64 MiB, compared with the program sftp", 1.3, new("sftp", operation, 64 * MiB, 1, Names.Ours), SftpPlace.Program);
        foreach (var operation in new[] { "load", "store" })
        {
            SeriesKey ours = new("sftp", operation, KiB, 64, Names.Ours);
            yield return new($"sftp: {operation}, 1 KiB, 64 at a time", "/s", 20_000, true, ours,
                results => ours.Find(results) is { } found ? found.Samples.Select(sample => found.Case.Count / sample.Nanoseconds * 1e9) : []);
        }
        foreach (var count in new[] { 1000, 4000, 10_000 })
        {
            foreach (var operation in new[] { "load", "store" })
            {
                yield return Faster($"S3: {operation}, {count} values of 1 KiB, compared with `rclone --transfers 16`, starts included", 1,
                    new("s3-whole", operation, KiB, 16, Names.Pipeline, count), S3Place.Rclone);
            }
        }
        foreach (var operation in new[] { "load", "store" })
        {
            yield return Compared($"rclone: {operation}, 1 KiB, 16 at a time, compared with the Python package (one at a time)", 5,
                new("rclone", operation, KiB, 16, Names.Ours), new("rclone", operation, KiB, 1, Names.Python));
        }
        foreach (var size in HashPlace.Sizes)
        {
            var text = Case.SizeText(size);
            yield return Faster($"SHA-256 of {text} in memory, compared with `openssl speed`", 0.95, new("hash", "hash-memory", size, 1, Names.Ours), HashPlace.OpenSslSpeed);
            yield return Faster($"SHA-256 of files of {text}, compared with openssl", 0.95, new("hash", "hash", size, 1, Names.Ours), HashPlace.OpenSsl);
            yield return Faster($"BLAKE3 of {text} in memory, compared with b3sum on one thread on files", 0.9, new("hash", "blake3-memory", size, 1, Names.Ours), HashPlace.B3sum);
            yield return Faster($"BLAKE3 of files of {text}, compared with b3sum on one thread", 0.9, new("hash", "blake3", size, 1, Names.Ours), HashPlace.B3sum);
        }
        foreach (var operation in new[] { "store", "load", "list", "check", "verify" })
        {
            yield return Faster($"Borg 2: {operation} through our server, compared with a local folder (1/1.05)", 0.95,
                new("borg", operation, 64 * KiB, 1, BorgPlace.Ours), BorgPlace.Local);
        }
        yield return Added("start: the import of the module beyond pwsh", "ms", 100, new("start", "module", 0, 1, Names.Pipeline), StartPlace.Bare, 1e6);
    }

    // Of the same case. The table shows the ratio of the first of ours beside the other one.
    private static Aim Faster(string what, double limit, SeriesKey ours, string theirs)
    {
        var aim = Compared(what, limit, ours, ours with { Subject = theirs });
        return ours.Subject is Names.Ours or Names.Pipeline or BorgPlace.Ours ? aim with { Beside = ours with { Subject = theirs }, ComparedWith = "" } : aim;
    }

    private static Aim Compared(string what, double limit, SeriesKey ours, SeriesKey theirs)
        => new(what, "×", limit, true, ours, results => theirs.Find(results) is { } slower && ours.Find(results) is { } faster ? Statistics.Ratios(slower, faster) : [])
        {
            ComparedWith = $" of {theirs.Subject}{(theirs.Concurrency == ours.Concurrency ? "" : $" ×{theirs.Concurrency}")}",
        };

    private static Aim Added(string what, string unit, double limit, SeriesKey ours, string less, double nanoseconds)
        => new(what, unit, limit, false, ours, results => (ours with { Subject = less }).Find(results) is { } floor && ours.Find(results) is { } whole
            ? whole.Samples.Join(floor.Samples, sample => sample.Round, sample => sample.Round, (a, b) => ((a.Nanoseconds / whole.Case.Count) - (b.Nanoseconds / floor.Case.Count)) / nanoseconds)
            : [])
        {
            ComparedWith = $" more than {less}",
        };
}

/// <summary>Which series is meant.</summary>
/// <param name="Place">The place.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Size">The size of each value [bytes].</param>
/// <param name="Concurrency">The number of operations at a time.</param>
/// <param name="Subject">The subject.</param>
/// <param name="Count">The number of items, if there are series with several.</param>
internal sealed record SeriesKey(string Place, string Operation, long Size, int Concurrency, string Subject, int? Count = null)
{
    public bool Is(Series series) => series.Case is var found && found.Place == Place && found.Operation == Operation && found.Size == Size
        && found.Concurrency == Concurrency && series.Subject == Subject && (Count is null || found.Count == Count);

    public Series? Find(Results results) => results.Series.Find(Is);
}
