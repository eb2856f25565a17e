using System.Text.Json.Nodes;
using BorgStore.Server.Access;

namespace BorgStore.Server.Management;

/// <summary>Lists users and tokens for other programs.</summary>
internal static class UserList
{
    /// <summary>Writes a changed user or token, if <c>--json</c> asks for that.</summary>
    /// <param name="values">The options.</param>
    /// <param name="name">The name of the user or token.</param>
    /// <param name="output">The output.</param>
    /// <param name="secret">The new secret of the token, if there is one.</param>
    public static void WriteChanged(OptionValues values, string name, TextWriter output, string? secret = null)
    {
        if (!values.HasFlag("--json"))
        {
            if (secret is not null) output.WriteLine(secret);
            return;
        }
        try
        {
            output.WriteLine(ToJson(values.Get("--users"), values.Get("--rights"), only: name, secret: secret));
        }
        catch (StoreException e)
        {
            throw new StoreException(e.Error, $"'{name}' was changed, but another entry has a mistake. {e.Message}");
        }
    }

    /// <summary>Returns users and tokens as JSON in ASCII, which no code page changes.</summary>
    /// <param name="usersFile">The users file, or <see langword="null"/>.</param>
    /// <param name="rightsFile">The rights file, or <see langword="null"/>.</param>
    /// <param name="tokensOnly">Whether users are left out.</param>
    /// <param name="only">The name of the only user or token to list, or <see langword="null"/> for all.</param>
    /// <param name="secret">The new secret of that token, if there is one.</param>
    public static string ToJson(string? usersFile, string? rightsFile, bool tokensOnly = false, string? only = null, string? secret = null)
    {
        var passwords = usersFile is null ? null : ReloadedFile<PasswordFile>.Read(usersFile, PasswordFile.Parse);
        var rights = rightsFile is null ? Rights.Unlimited : ReloadedFile<Rights>.Read(rightsFile, RightsFile.Parse);
        var root = rightsFile is null ? [] : RightsEditor.Read(rightsFile);
        // Users with a certificate have rights only.
        var users = (passwords?.Users ?? []).Concat(rights.Users.Keys.Where(name => passwords?.FindHash(name) is null)).Where(_ => !tokensOnly);
        return new JsonArray(
        [
            .. users.Where(IsWanted).Select(name => Describe(name, "user", rights.Users.GetValueOrDefault(name))),
            .. rights.Tokens.Values.Where(token => IsWanted(token.Name)).Select(token => Describe(token.Name, "token", token)),
        ]).ToJsonString();

        bool IsWanted(string name) => only is null || name == only;

        JsonObject Describe(string name, string kind, Account? account) => new()
        {
            ["name"] = name,
            ["kind"] = kind,
            ["password"] = kind == "user" && passwords?.FindHash(name) is not null,
            ["admin"] = rights.IsAdmin(name),
            ["groups"] = new JsonArray([.. rights.Groups.Where(group => group.Members.Contains(name)).Select(group => JsonValue.Create(group.Name))]),
            ["stores"] = new JsonArray([.. (account?.Stores ?? []).Select(rule => DescribeRule(RightsEditor.Find(root, kind + "s", name)!["stores"]![rule.Stores]!, rule.Stores))]),
            ["expires"] = account?.Token?.Expires is { } time ? JsonValue.Create(time) : null,
            ["secret"] = kind == "token" ? secret : null,
        };

        // The permission as it is written, because a preset says more than its map.
        JsonObject DescribeRule(JsonNode permission, string stores) => new()
        {
            ["stores"] = stores,
            ["permission"] = permission is JsonObject map ? map.ToJsonString() : permission.GetValue<string>(),
            ["quota"] = rights.GetQuota(stores),
        };
    }
}
