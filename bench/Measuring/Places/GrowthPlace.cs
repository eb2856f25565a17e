using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>How cost grows with the number of items in a folder: time of an item, memory, opening, the first result of a listing.</summary>
internal sealed class GrowthPlace : Place
{
    public const string Find = "find";

    public override string Name => "growth";

    public override TimeSpan Budget => TimeSpan.FromMinutes(4);

    public override bool IsUsual => false;

    // Empty values: a million of others would not fit into memory.
    public override IEnumerable<Case> Cases(RunOptions options)
    {
        var most = options.IsQuick ? Math.Min(options.Items, 10_000) : options.Items;
        for (var count = 1000; count <= most; count *= 10)
        {
            // So many are stored only once to be listed.
            string[] operations = count > 1_000_000 ? ["list-all", "first", "open"] : ["store", "load", "list-all", "first", "open"];
            foreach (var operation in operations) yield return new(Name, operation, 0, 1, count);
        }
    }

    // The items of a number are stored once, and all rounds list them.
    public override IEnumerable<IReadOnlyList<Case>> Group(IReadOnlyList<Case> cases) => cases.GroupBy(@case => @case.Count).Select(group => group.ToList());

    public override Task StartAsync(Session session, RunOptions options)
    {
        var folder = session.NewPath("store");
        session.AddOurs(new Uri(folder).AbsoluteUri, _ => true, access: "nested");
        session.AddPipeline(new Uri(session.NewPath("store")).AbsoluteUri, @case => @case.Count <= 1_000_000 && @case.Operation is "list-all" or "first");
        session.Add(new ProgramSubject(Find, Role.Peer, _ => true, session.NewPath("program"), new()
        {
            ["list-all"] = $"exec find '{folder}' -type f -printf '%s\\n'",
            ["clear"] = "true",
        }));
        return Task.CompletedTask;
    }
}
