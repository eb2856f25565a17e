using BorgStore.Security;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Permission maps, compared with the rule in its simplest form: of the entries that contain a name, the longest.</summary>
/// <remarks>An input is <c>MAP~NAME</c>.</remarks>
internal sealed class PermissionTarget : IFuzzTarget
{
    private static readonly AccessRights[] Each = [AccessRights.List, AccessRights.Read, AccessRights.Write, AccessRights.Overwrite, AccessRights.Delete, AccessRights.Write | AccessRights.Overwrite];

    public IReadOnlyList<string> Tokens => ["~", "{", "}", "\"\":", "\"data\":", "\"data/\":", "\"data/00\":", "\"lr\"", "\"lrwWD\"", "\"\"", ",", "read-only", "no-delete", "borgbackup-all", "\\u002f", "\\ud800", "null", "/", "data/00/0011", ".."];

    public void Run(byte[] input)
    {
        foreach (var text in Check.Texts(input))
        {
            var parts = text.Split('~', 2);
            PermissionMap? map = null;
            if (Check.IsRefused(() => map = PermissionMap.Parse(parts[0]))) continue;
            Check.That(Sort(map!).SequenceEqual(Sort(PermissionMap.Parse(map!.ToString()))), () => $"{map} is another map when it is parsed again.");
            var name = parts.Length > 1 ? parts[1] : "";
            string[] names = [name, .. map.Entries.Keys, .. map.Entries.Keys.Select(path => path + "/x"), .. map.Entries.Keys.Select(path => path + "x"), .. map.Entries.Keys.Select(path => path.Length > 0 ? path[..^1] : path)];
            foreach (var one in names) CheckRights(map, one);
        }
    }

    private static void CheckRights(PermissionMap map, string name)
    {
        Check.Equal(Find(map, name), map.GetRights(name), $"the rights for '{name}' by {map}");
        foreach (var anyOf in Each)
        {
            Check.Equal((Find(map, name) & anyOf) != 0, map.Allows(name, anyOf), $"what {map} allows for '{name}'");
            string[] below = [name, .. map.Entries.Keys.Where(path => Contains(name, path))];
            Check.Equal(below.All(one => (Find(map, one) & anyOf) != 0), map.AllowsBelow(name, anyOf), $"what {map} allows below '{name}'");
        }
        Check.Equal(map.Entries.Keys.Any(path => path != name && Contains(name, path)), map.DiffersBelow(name), $"whether {map} differs below '{name}'");
    }

    private static AccessRights Find(PermissionMap map, string name)
        => map.Entries.Where(entry => Contains(entry.Key, name)).OrderByDescending(entry => entry.Key.Length).Select(entry => entry.Value).FirstOrDefault();

    private static IEnumerable<KeyValuePair<string, AccessRights>> Sort(PermissionMap map) => map.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal);

    private static bool Contains(string directory, string name) => directory.Length == 0 || name == directory || name.StartsWith(directory + "/", StringComparison.Ordinal);
}
