using System.Text.RegularExpressions;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using BorgStore.Backends.S3;

namespace BorgStore.Tests.Architecture;

/// <summary>The references between the namespaces of the libraries are those of the map in docs/design.md, and none runs in a circle.</summary>
public sealed partial class ArchitectureTests
{
    private const string Root = "BorgStore";

    // The types of the root namespace that are below all others.
    private static readonly HashSet<string> Basics =
    [
        nameof(StoreException), nameof(StoreError), nameof(StoreErrorText), nameof(StoreUrl), nameof(ConnectionString), nameof(PrintableText),
        nameof(OperationGate), nameof(Durability),
    ];

    private static readonly Lazy<Dictionary<string, SortedSet<string>>> Found = new(Find);

    [Fact]
    public void References_are_those_of_the_map()
    {
        var map = ReadMap();
        var found = Found.Value;
        Assert.Equal(map.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        var differences = found.Select(room => (room.Key, New: room.Value.Except(map[room.Key]), Gone: map[room.Key].Except(room.Value)))
            .SelectMany(room => room.New.Select(target => $"{room.Key} now uses {target}, which is not in the map of docs/design.md.")
                .Concat(room.Gone.Select(target => $"{room.Key} no longer uses {target}: remove it from the map of docs/design.md.")));
        Assert.Empty(differences);
    }

    [Fact]
    public void No_references_run_in_a_circle()
    {
        var found = Found.Value;
        // Rooms that use nothing but rooms already removed are removed, until nothing is left but circles.
        var left = found.ToDictionary(room => room.Key, room => room.Value.ToHashSet());
        while (left.Where(room => room.Value.Count == 0).Select(room => room.Key).ToList() is { Count: > 0 } free)
        {
            foreach (var room in free) left.Remove(room);
            foreach (var targets in left.Values) targets.ExceptWith(free);
        }
        Assert.Empty(left.Select(room => $"{room.Key} → {string.Join(", ", room.Value)}"));
    }

    // The rooms are the namespaces, except that the root has two, because what everything uses and what uses everything are both called
    // simply BorgStore.
    private static Dictionary<string, SortedSet<string>> Find()
    {
        var architecture = new ArchLoader().LoadAssemblies(typeof(Store).Assembly, typeof(S3Backend).Assembly).Build();
        var rooms = new Dictionary<string, SortedSet<string>>();
        foreach (var type in architecture.Types)
        {
            if (RoomOf(type) is not { } room) continue;
            if (!rooms.TryGetValue(room, out var targets)) rooms[room] = targets = new(StringComparer.Ordinal);
            foreach (var dependency in type.Dependencies)
                if (RoomOf(dependency.Target) is { } target && target != room) targets.Add(target);
        }
        return rooms;
    }

    private static string? RoomOf(IType type)
    {
        var ns = type.Namespace?.FullName ?? "";
        if (ns == Root) return Basics.Contains(type.FullName.Split('.', '+', '`')[1]) ? "Basics" : "Store";
        if (!ns.StartsWith(Root + ".", StringComparison.Ordinal)) return null;
        var parts = ns.Split('.');
        return parts[1] == "Backends" && parts.Length > 2 && parts[2] != "Gathering" ? $"Backends.{parts[2]}" : parts[1];
    }

    private static Dictionary<string, string[]> ReadMap()
        => File.ReadLines(Path.Combine(AppContext.BaseDirectory, "docs", "design.md")).Select(line => MapLine().Match(line)).Where(match => match.Success)
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value.Split(", ", StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex(@"^([A-Z][\w.]*) +→ ?(.*)$")]
    private static partial Regex MapLine();
}
