using System.Text.Json.Nodes;
using BorgStore.Server.Access;

namespace BorgStore.Server.Management;

/// <summary>The command <c>user</c>: changes the users file, and users and tokens in the rights file.</summary>
internal static class UserCommand
{
    private static readonly HashSet<string> Options =
        ["--users", "--rights", "--password-file", "--expires", "--stores", "--remove-stores", "--quota", "--group"];

    private static readonly HashSet<string> Flags = ["--json", "--admin", "--no-admin", "--keep-password", "--renew"];

    /// <summary>Runs the command.</summary>
    /// <param name="args">The arguments after <c>user</c>.</param>
    /// <param name="input">The password, unless it is in a file.</param>
    /// <param name="output">The output.</param>
    public static void Run(IReadOnlyList<string> args, TextReader input, TextWriter output)
    {
        var words = args.TakeWhile(arg => !arg.StartsWith('-')).ToList();
        var values = new OptionValues(args, words.Count, Options, Flags);
        switch (words)
        {
            case ["add", var name]:
                Add(values, name, input);
                UserList.WriteChanged(values, name, output);
                break;
            case ["set", var name]:
                UserList.WriteChanged(values, name, output, Set(values, name, input));
                break;
            case ["remove", var name]:
                Remove(values, name);
                break;
            case ["list"] when values.HasFlag("--json"):
                _ = GetAnyFile(values);
                output.WriteLine(UserList.ToJson(values.Get("--users"), values.Get("--rights")));
                break;
            case ["list"]:
                foreach (var user in ReloadedFile<PasswordFile>.Read(GetUsersFile(values), PasswordFile.Parse).Users) output.WriteLine(user);
                break;
            case ["token", .. var rest]:
                TokenCommand.Run(rest, values, output);
                break;
            default:
                throw CommandLine.UsageError("Write 'user add NAME', 'user set NAME', 'user remove NAME', 'user list', or 'user token add|remove|list'.");
        }
    }

    // Without a users file, it is a user who logs in with a certificate. The rights come first: without a password, they allow nothing.
    private static void Add(OptionValues values, string name, TextReader input)
    {
        CheckName(name);
        var (users, rights, change) = (values.Get("--users"), values.Get("--rights"), ReadChange(values));
        _ = GetAnyFile(values);
        if (users is not null && HasPassword(users, name)) throw Exists();
        var line = users is null ? null : ReadLine(values, name, input);
        if (rights is not null)
        {
            RightsEditor.Update(rights, root =>
            {
                if (RightsEditor.Find(root, "tokens", name) is not null) throw new StoreException(StoreError.ObjectAlreadyExists, $"'{name}' is already a token. Choose another name.");
                var account = RightsEditor.Find(root, "users", name);
                if (account is not null && users is null) throw Exists();
                change.Apply(root, account ?? RightsEditor.Add(root, "users", name), name);
            });
        }
        if (users is null) return;
        ProtectedFile.Update(users, text =>
        {
            var lines = SplitLines(text);
            return lines.Exists(old => IsOf(old, name)) ? throw Exists() : Join([.. lines, line!]);
        });

        StoreException Exists() => new(StoreError.ObjectAlreadyExists, $"The user '{name}' already exists. Change the user with 'user set'.");
    }

    // Returns the new secret of a token.
    private static string? Set(OptionValues values, string name, TextReader input)
    {
        CheckName(name);
        var (users, rights, change) = (values.Get("--users"), values.Get("--rights"), ReadChange(values));
        var file = GetAnyFile(values);
        var setsPassword = users is not null && !values.HasFlag("--keep-password");
        var hasPassword = users is not null && HasPassword(users, name);
        if (setsPassword && !hasPassword) throw NoUser(name, users!);
        var line = setsPassword ? ReadLine(values, name, input) : null;
        var secret = values.HasFlag("--renew") ? AccessToken.CreateSecret() : null;
        if (rights is null && secret is not null) throw CommandLine.UsageError("'--renew' needs '--rights FILE', which has the tokens.");
        if (!setsPassword && change.IsEmpty && secret is null) throw CommandLine.UsageError("There is nothing to change. Write a password on stdin, or rights such as '--stores photos=no-delete'.");
        if (rights is not null && (!change.IsEmpty || secret is not null))
        {
            RightsEditor.Update(rights, root =>
            {
                var token = RightsEditor.Find(root, "tokens", name);
                var user = RightsEditor.Find(root, "users", name);
                if (token is null && user is null && !hasPassword) throw NoUser(name, file);
                if (secret is not null)
                {
                    if (token is null) throw new StoreException(StoreError.ObjectNotFound, $"There is no token '{name}' in '{rights}'. Add it with 'user token add'.");
                    token["sha256"] = AccessToken.Hash(secret);
                }
                change.Apply(root, token ?? user ?? RightsEditor.Add(root, "users", name), name);
            });
        }
        if (line is not null)
        {
            ProtectedFile.Update(users!, text =>
            {
                var lines = SplitLines(text);
                var index = lines.FindIndex(old => IsOf(old, name));
                if (index < 0) throw NoUser(name, users!);
                lines[index] = line;
                return Join(lines);
            });
        }
        return secret;
    }

    private static void Remove(OptionValues values, string name)
    {
        var file = GetAnyFile(values);
        var (users, rights) = (values.Get("--users"), values.Get("--rights"));
        var hasPassword = users is not null && HasPassword(users, name);
        var hasRights = rights is not null && RightsEditor.Read(rights) is var found && (IsNamed(found, "users") || IsNamed(found, "tokens") || IsMember(found));
        if (!hasPassword && !hasRights) throw NoUser(name, file);
        if (hasPassword) ProtectedFile.Update(users!, text => Join([.. SplitLines(text).Where(line => !IsOf(line, name))]));
        if (!hasRights) return;
        RightsEditor.Update(rights!, root =>
        {
            root["users"]?.AsObject().Remove(name);
            root["tokens"]?.AsObject().Remove(name);
            RightsChange.JoinGroups(root, name, []);
        });

        bool IsNamed(JsonObject root, string kind) => RightsEditor.Find(root, kind, name) is not null;

        bool IsMember(JsonObject root)
            => root["groups"]?.AsObject().Any(group => group.Value!["members"]?.AsArray().Any(member => member!.GetValue<string>() == name) == true) == true;
    }

    private static RightsChange ReadChange(OptionValues values)
    {
        var change = new RightsChange(values);
        return change.IsEmpty || values.HasFlag("--rights") ? change
            : throw CommandLine.UsageError("Rights are in a file of their own: specify it with '--rights FILE'.");
    }

    // The line of the users file.
    private static string ReadLine(OptionValues values, string name, TextReader input)
    {
        var password = values.Get("--password-file") is { } passwordFile ? Credentials.ReadFile(passwordFile) : ReadPassword(input);
        if (System.Text.Encoding.UTF8.GetByteCount(password) > PasswordHash.MaxPasswordLength)
            throw CommandLine.UsageError($"The password is longer than {PasswordHash.MaxPasswordLength} bytes, and bcrypt would ignore the rest. Choose a shorter one, or a token.");
        if (AccessToken.IsSecret(password)) throw CommandLine.UsageError("The password begins like a token. Choose another one, or use 'user token add'.");
        return $"{name}:{PasswordHash.Create(password)}";
    }

    private static string ReadPassword(TextReader input)
        => input.ReadLine() is { Length: > 0 } password ? password
            : throw CommandLine.UsageError("There is no password on stdin. Write it there, or in a file for '--password-file FILE'.");

    private static void CheckName(string name)
    {
        if (PasswordFile.DescribeNameProblem(name) is { } problem) throw CommandLine.UsageError($"The user name {problem}.");
    }

    private static string GetUsersFile(OptionValues values)
        => values.Get("--users") ?? throw CommandLine.UsageError("'--users FILE' is missing.");

    private static string GetAnyFile(OptionValues values)
        => values.Get("--users") ?? values.Get("--rights") ?? throw CommandLine.UsageError("'--users FILE' is missing.");

    private static bool HasPassword(string file, string name) => File.Exists(file) && SplitLines(File.ReadAllText(file)).Exists(line => IsOf(line, name));

    private static StoreException NoUser(string name, string file) => new(StoreError.ObjectNotFound, $"There is no user '{name}' in '{file}'.");

    private static bool IsOf(string line, string name) => line.StartsWith(name + ":", StringComparison.Ordinal);

    private static List<string> SplitLines(string text) => [.. text.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0)];

    private static string Join(List<string> lines) => string.Concat(lines.Select(line => line + "\n"));
}
