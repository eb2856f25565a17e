using System.Text.RegularExpressions;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using BorgStore.Backends.S3;
using BorgStore.Backends.SshNet;

namespace BorgStore.Tests.Architecture;

/// <summary>The references between the namespaces of the libraries are those of the map in docs/design.md, and none runs in a circle.</summary>
public sealed partial class ArchitectureTests
{
    private const string Root = "BorgStore";

    // The types of the root namespace that are below all others.
    private static readonly HashSet<string> Basics =
    [
        nameof(StoreException), nameof(StoreError), nameof(StoreErrorText), nameof(StoreUrl), nameof(ConnectionString), nameof(PrintableText),
        nameof(OperationGate), nameof(OptionalTime), nameof(Durability), nameof(IsolatedAssemblies),
    ];

    private static readonly Lazy<Dictionary<string, SortedDictionary<string, string>>> Found = new(Find);

    [Fact]
    public void References_match_the_map_in_the_design_document()
    {
        // Written like the map, so that it can be copied there if the change is meant.
        var width = Found.Value.Keys.Max(room => room.Length);
        var found = Found.Value.OrderBy(room => room.Key, StringComparer.Ordinal).Select(room => $"{room.Key.PadRight(width)} → {string.Join(", ", room.Value.Keys)}".TrimEnd()).ToList();
        var map = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "docs", "design.md")).Where(line => MapLine().IsMatch(line)).ToList();
        var reasons = Found.Value.SelectMany(room => room.Value.Select(target => $"{room.Key} → {target.Key}: {target.Value}"));
        Assert.True(found.SequenceEqual(map), $"The references are not those of the map in docs/design.md:\n{string.Join('\n', found)}\n\n{string.Join('\n', reasons)}");
    }

    [Fact]
    public void There_are_no_circular_references()
    {
        // Rooms that use no other are removed, and then those that used only these, until only circles are left.
        var left = Found.Value.ToDictionary(room => room.Key, room => room.Value.ToDictionary());
        while (left.Where(room => room.Value.Count == 0).Select(room => room.Key).ToList() is { Count: > 0 } free)
        {
            foreach (var room in free) left.Remove(room);
            foreach (var targets in left.Values) free.ForEach(room => targets.Remove(room));
        }
        Assert.True(left.Count == 0, string.Join('\n', left.SelectMany(room => room.Value.Select(target => $"{room.Key} → {target.Key}: {target.Value}"))));
    }

    // The rooms are the namespaces, except that the root has two, because what everything uses and what uses everything are both called
    // simply BorgStore.
    private static Dictionary<string, SortedDictionary<string, string>> Find()
    {
        var architecture = new ArchLoader().LoadAssemblies(typeof(Store).Assembly, typeof(S3Backend).Assembly, typeof(SshNetTransport).Assembly).Build();
        var rooms = new Dictionary<string, SortedDictionary<string, string>>();
        foreach (var type in architecture.Types)
        {
            if (RoomOf(type) is not { } room) continue;
            if (!rooms.TryGetValue(room, out var targets)) rooms[room] = targets = new(StringComparer.Ordinal);
            foreach (var dependency in type.Dependencies)
                if (RoomOf(dependency.Target) is { } target && target != room) targets.TryAdd(target, $"{type.Name} uses {dependency.Target.Name}");
        }
        return rooms;
    }

    private static string? RoomOf(IType type)
    {
        var ns = type is GenericParameter ? "" : type.Namespace?.FullName ?? "";
        if (ns == Root) return Basics.Contains(type.FullName.Split('.', '+', '`')[1]) ? "Basics" : "Store";
        if (!ns.StartsWith(Root + ".", StringComparison.Ordinal)) return null;
        var parts = ns.Split('.');
        return parts[1] == "Backends" && parts.Length > 2 && parts[2] != "Gathering" ? $"Backends.{parts[2]}" : parts[1];
    }

    [GeneratedRegex(@"^[A-Z][\w.]* +→")]
    private static partial Regex MapLine();
}
