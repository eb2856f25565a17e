using System.Globalization;
using System.Text.Json.Nodes;
using BorgStore.Server.Access;

namespace BorgStore.Server.Management;

/// <summary>What the options of a command change about the rights of a user or token.</summary>
internal sealed class RightsChange
{
    private readonly List<(string Stores, JsonNode Permission)> _rules = [];
    private readonly IReadOnlyList<string> _removed;
    private readonly List<(string Stores, long Size)> _quotas = [];
    private readonly IReadOnlyList<string>? _groups;
    private readonly bool? _isAdmin;
    private readonly string? _expires;

    /// <summary>Reads the options.</summary>
    /// <param name="values">The options.</param>
    public RightsChange(OptionValues values)
    {
        foreach (var option in values.GetAll("--stores"))
        {
            var (stores, permission) = Split("--stores", option, "NAME=PERMISSION, such as 'photos=no-delete'");
            try
            {
                _ = RightsFile.ParsePermission(permission);
            }
            catch (StoreException e)
            {
                throw CommandLine.UsageError($"'--stores {option}': {e.Message}");
            }
            _rules.Add((stores, permission.StartsWith('{') ? JsonNode.Parse(permission)! : JsonValue.Create(permission)));
        }
        foreach (var option in values.GetAll("--quota"))
        {
            var (stores, size) = Split("--quota", option, "NAME=BYTES, such as 'photos=50000000000'");
            _quotas.Add((stores, long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes
                : throw CommandLine.UsageError($"'--quota {option}': '{size}' is not a number of bytes.")));
        }
        _removed = values.GetAll("--remove-stores");
        _groups = values.HasFlag("--group") ? [.. values.GetAll("--group").Where(name => name.Length > 0)] : null;
        if (values.HasFlag("--admin") && values.HasFlag("--no-admin")) throw CommandLine.UsageError("'--admin' and '--no-admin' contradict each other.");
        _isAdmin = values.HasFlag("--admin") ? true : values.HasFlag("--no-admin") ? false : null;
        _expires = values.Get("--expires") is not { } expires ? null
            : expires == "none" ? "" : ParseExpiry(expires).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    /// <summary>Whether nothing changes.</summary>
    public bool IsEmpty => _rules.Count + _removed.Count + _quotas.Count == 0 && _groups is null && _isAdmin is null && _expires is null;

    /// <summary>Changes the rights.</summary>
    /// <param name="root">The valid content of the rights file.</param>
    /// <param name="account">The user or token in it.</param>
    /// <param name="name">The name of the user or token.</param>
    public void Apply(JsonObject root, JsonObject account, string name)
    {
        if (_expires is not null && !account.ContainsKey("sha256"))
            throw CommandLine.UsageError($"'--expires' is for tokens, and '{name}' is a user. Remove the user, or add a token of another name.");
        foreach (var stores in _removed)
        {
            if (account["stores"] is not JsonObject rules || !rules.Remove(stores))
                throw CommandLine.UsageError($"'{name}' has no rule for the stores '{stores}'.");
        }
        foreach (var (stores, permission) in _rules) Put(GetObject(account, "stores"), stores, permission.DeepClone());
        foreach (var (stores, size) in _quotas) Put(GetObject(root, "stores"), stores, new JsonObject { ["quota"] = size });
        if (_isAdmin == true) account["admin"] = true;
        else if (_isAdmin == false) account.Remove("admin");
        if (_expires == "") account.Remove("expires");
        else if (_expires is not null) account["expires"] = _expires;
        if (_groups is not null) JoinGroups(root, name, _groups);
    }

    /// <summary>Makes a user or token a member of some groups, and of no others.</summary>
    /// <param name="root">The valid content of the rights file.</param>
    /// <param name="name">The name of the user or token.</param>
    /// <param name="groups">The names of the groups.</param>
    public static void JoinGroups(JsonObject root, string name, IReadOnlyList<string> groups)
    {
        var existing = root["groups"] as JsonObject ?? [];
        // A new group would have no rights, which is hardly what a mistyped name means.
        if (groups.FirstOrDefault(group => !existing.ContainsKey(group)) is { } missing)
        {
            var names = existing.Count == 0 ? "There are no groups" : $"The groups are {string.Join(", ", existing.Select(group => $"'{group.Key}'"))}";
            throw CommandLine.UsageError($"There is no group '{missing}' in the rights file. {names}: add it to the file with its stores, as docs/users.md shows.");
        }
        foreach (var (group, value) in existing)
        {
            var members = value!["members"] as JsonArray ?? [];
            var others = members.Select(member => member!.GetValue<string>()).Where(member => member != name);
            var isMember = groups.Contains(group);
            if (isMember == members.Any(member => member!.GetValue<string>() == name)) continue;
            value["members"] = new JsonArray([.. others.Concat(isMember ? [name] : Array.Empty<string>()).Select(member => JsonValue.Create(member))]);
        }
    }

    // The first rule about a store decides, so a new one precedes those that include its stores.
    private static void Put(JsonObject rules, string stores, JsonNode value)
    {
        if (rules.ContainsKey(stores))
        {
            rules[stores] = value;
            return;
        }
        var index = 0;
        while (index < rules.Count && !new StoreRule<bool>(rules.GetAt(index).Key, true).Matches(stores)) index++;
        rules.Insert(index, stores, value);
    }

    private static JsonObject GetObject(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject found) parent[name] = found = [];
        return found;
    }

    private static (string Stores, string Value) Split(string option, string text, string form)
    {
        if (text.Split('=', 2) is not [{ Length: > 0 } stores, { Length: > 0 } value]) throw CommandLine.UsageError($"'{option} {text}' is not of the form {form}.");
        return RightsFile.DescribePatternProblem(stores) is { } problem ? throw CommandLine.UsageError($"'{option} {text}': {problem}.") : (stores, value);
    }

    // Days, or a date.
    private static DateTime ParseExpiry(string text)
        => text.EndsWith('d') && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days < 40_000
            ? DateTime.UtcNow.AddDays(days)
            : DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time
            : throw CommandLine.UsageError($"'--expires {text}' is neither a number of days such as 90d, nor a date such as 2027-12-31, nor 'none'.");
}
