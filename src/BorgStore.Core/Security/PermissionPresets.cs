namespace BorgStore.Security;

/// <summary>Borg's permission presets, for today's namespaces (<c>packs</c>, <c>index</c>) and those of the betas (<c>data</c>).</summary>
public static class PermissionPresets
{
    private const string Prefix = "borgbackup-";

    private static readonly Dictionary<string, Dictionary<string, string>> Presets = new(StringComparer.OrdinalIgnoreCase)
    {
        ["borgbackup-all"] = new() { [""] = "lrwWD" },
        ["borgbackup-no-delete"] = new()
        {
            [""] = "lr",
            ["archives"] = "lrw",
            ["cache"] = "lrwWD",
            ["config"] = "lrW",
            ["data"] = "lrw",
            ["index"] = "lrwWD",
            ["keys"] = "lr",
            ["locks"] = "lrwD",
            ["packs"] = "lrw",
        },
        ["borgbackup-write-only"] = new()
        {
            [""] = "l",
            ["archives"] = "lw",
            ["cache"] = "lrwWD",
            ["config"] = "lrW",
            ["data"] = "lw",
            ["index"] = "lrwWD",
            ["keys"] = "lr",
            ["locks"] = "lrwD",
            ["packs"] = "lw",
        },
        ["borgbackup-read-only"] = new() { [""] = "lr", ["locks"] = "lrwD" },
    };

    /// <summary>The names of the presets.</summary>
    public static IReadOnlyCollection<string> Names => Presets.Keys;

    /// <summary>The names of the presets without <c>borgbackup-</c>.</summary>
    internal static IEnumerable<string> ShortNames => Names.Select(name => name[Prefix.Length..]);

    /// <summary>Returns the map of a preset.</summary>
    /// <param name="name">The name, in any case; the part after <c>borgbackup-</c> is enough.</param>
    public static PermissionMap Get(string name)
        => Presets.TryGetValue(name, out var entries) || Presets.TryGetValue(Prefix + name, out entries)
            ? new PermissionMap(entries)
            : throw new StoreException(StoreError.InvalidArgument,
                $"There is no permission preset '{name}'. The presets are {string.Join(", ", ShortNames)}.", name);
}
