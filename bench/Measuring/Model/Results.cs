using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BorgStore.Benchmarks.Measuring.Model;

/// <summary>Whose work is measured.</summary>
internal enum Role
{
    /// <summary>This project.</summary>
    Ours,

    /// <summary>Another program.</summary>
    Peer,

    /// <summary>The least that the work takes, such as the system calls alone.</summary>
    Floor,
}

/// <summary>One measurement.</summary>
/// <param name="Round">The round; samples of one round were taken close together.</param>
/// <param name="Nanoseconds">The time for all items together.</param>
internal readonly record struct Sample(int Round, double Nanoseconds);

/// <summary>All samples of a subject in a case.</summary>
internal sealed record Series(Case Case, string Subject, Role Role, List<Sample> Samples)
{
    /// <summary>Returns the median time of an item [ns].</summary>
    public double MedianOfItem() => Statistics.Median(Samples.Select(sample => sample.Nanoseconds)) / Case.Count;
}

/// <summary>What an operation takes besides time, for each item.</summary>
/// <param name="Case">The case.</param>
/// <param name="Subject">The subject.</param>
/// <param name="Allocated">The memory allocated by .NET [bytes].</param>
/// <param name="Requests">The HTTP requests.</param>
/// <param name="Calls">The system calls on files, sockets and pipes, by name.</param>
/// <param name="Peak">The peak memory of the process during the operation [bytes]; not for each item.</param>
internal sealed record Cost(Case Case, string Subject, double? Allocated, double? Requests, SortedDictionary<string, double>? Calls, long? Peak)
{
    [JsonIgnore]
    public double? AllCalls => Calls?.Values.Sum();
}

/// <summary>The results of a run.</summary>
internal sealed record Results(DateTime Taken, string Revision, string Machine, bool IsQuick, List<string> Peers, List<string> LeftOut, List<Series> Series, List<Cost> Costs)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Reads the results in a file.</summary>
    public static Results Read(string path) => JsonSerializer.Deserialize<Results>(File.ReadAllText(path), Format)
        ?? throw new InvalidDataException($"'{path}' holds no results.");

    /// <summary>Writes the results, one series a line.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var text = JsonSerializer.Serialize(this, Format);
        File.WriteAllText(path, text.Replace("{\"Case\":", "\n{\"Case\":", StringComparison.Ordinal) + "\n");
    }

    /// <summary>Returns these results with the places of others that these do not have, and with their revision.</summary>
    public Results CompletedBy(Results others)
    {
        var places = Series.Select(series => series.Case.Place).ToHashSet();
        return this with
        {
            // Each revision that has figures in here.
            Revision = string.Join(", ", others.Revision.Split(", ").Append(Revision).Distinct()),
            Peers = [.. Peers.Union(others.Peers)],
            Series = [.. others.Series.Where(series => !places.Contains(series.Case.Place)), .. Series],
            Costs = [.. others.Costs.Where(cost => !places.Contains(cost.Case.Place)), .. Costs],
        };
    }
}
