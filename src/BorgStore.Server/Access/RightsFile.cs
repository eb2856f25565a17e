using System.Globalization;
using System.Text;
using System.Text.Json;
using BorgStore.Security;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Access;

/// <summary>Parses the rights file. It is JSON, which .NET reads without a package and PowerShell writes, and it is read strictly: a
/// mistyped property would else be a right that nobody has, or a limit that nobody feels.</summary>
internal static class RightsFile
{
    private const string Example = """{ "users": { "anna": { "stores": { "photos": "all" } } } }""";

    /// <summary>Parses the text of a file.</summary>
    /// <param name="text">The text.</param>
    /// <param name="file">The path of the file, for messages.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> with the line and the problem.</exception>
    public static Rights Parse(string text, string file)
    {
        var bytes = Encoding.UTF8.GetBytes(text.TrimStart('\uFEFF'));
        var reader = new StrictReader(bytes, file);
        try
        {
            return ReadFile(ref reader);
        }
        catch (JsonException e)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The rights file '{file}' is not valid: line {(e.LineNumber ?? 0) + 1}: it is no JSON such as {Example}.");
        }
    }

    /// <summary>Parses a permission: the name of a preset, or a map as JSON.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> if it is neither.</exception>
    public static StoreRights ParsePermission(string text)
    {
        try
        {
            return text switch
            {
                "all" => StoreRights.Everything,
                "none" => StoreRights.None,
                "append-only" => new(true, PermissionMap.Parse("no-delete")),
                _ => new(true, PermissionMap.Parse(text)),
            };
        }
        catch (StoreException) when (!text.StartsWith('{'))
        {
            throw new StoreException(StoreError.InvalidArgument,
                $$"""'{{text}}' is not one of all, no-delete, append-only, write-only, read-only, none, or a map such as {"": "lr", "locks": "lrwD"}.""");
        }
    }

    /// <summary>Returns why a pattern matches no store, or <see langword="null"/> if it may match one.</summary>
    public static string? DescribePatternProblem(string pattern)
        => pattern == "*" || pattern.Split('/').All(element => element.Length > 0 && StoreName.DescribeProblem(element.Replace('*', 'a').Replace('?', 'a')) is null)
            ? null
            // It would protect nothing.
            : $"'{pattern}' matches no store. Names have letters, digits, '-', '_', '.' and '@', and '/' between elements";

    private static Rights ReadFile(ref StrictReader reader)
    {
        var users = new Dictionary<string, Account>();
        var groups = new List<Account>();
        var tokens = new Dictionary<string, Account>();
        List<StoreRule<long>> quotas = [];
        var (isPrivate, isAppendOnly) = (false, false);
        reader.BeginObject();
        while (reader.NextProperty() is { } property)
        {
            switch (property)
            {
                case "users":
                    ReadAccounts(ref reader, AccountKind.User, account => users.Add(account.Name, account));
                    break;
                case "groups":
                    ReadAccounts(ref reader, AccountKind.Group, groups.Add);
                    break;
                case "tokens":
                    ReadAccounts(ref reader, AccountKind.Token, account => tokens.Add(account.Name, account));
                    break;
                case "stores":
                    quotas = ReadQuotas(ref reader);
                    break;
                case "privateRepositories":
                    isPrivate = reader.ReadBoolean(property);
                    break;
                case "appendOnly":
                    isAppendOnly = reader.ReadBoolean(property);
                    break;
                default:
                    throw reader.Unknown(property, "groups, users, tokens, stores, privateRepositories, appendOnly");
            }
        }
        reader.ReadEnd();
        if (tokens.Keys.FirstOrDefault(users.ContainsKey) is { } both) throw reader.Invalid($"'{both}' is both a user and a token. Rename the token");
        return new() { Users = users, Groups = groups, Tokens = tokens, Quotas = quotas, PrivateRepositories = isPrivate, AppendOnly = isAppendOnly };
    }

    private static void ReadAccounts(ref StrictReader reader, AccountKind kind, Action<Account> add)
    {
        reader.BeginObject();
        while (reader.NextProperty() is { } name)
        {
            if (PasswordFile.DescribeNameProblem(name) is { } problem) throw reader.Invalid($"the name '{name}' {problem}");
            add(ReadAccount(ref reader, kind, name));
        }
    }

    private static Account ReadAccount(ref StrictReader reader, AccountKind kind, string name)
    {
        var account = new Account(name);
        string? sha256 = null;
        DateTimeOffset? expires = null;
        reader.BeginObject();
        while (reader.NextProperty() is { } property)
        {
            switch (property, kind)
            {
                case ("admin", _):
                    account = account with { IsAdmin = reader.ReadBoolean(property) };
                    break;
                case ("metrics", _):
                    account = account with { ReadsMetrics = reader.ReadBoolean(property) };
                    break;
                case ("stores", _):
                    account = account with { Stores = ReadStores(ref reader) };
                    break;
                case ("members", AccountKind.Group):
                    account = account with { Members = reader.ReadTexts(property).ToHashSet(StringComparer.Ordinal) };
                    break;
                case ("sha256", AccountKind.Token):
                    sha256 = reader.ReadText(property);
                    if (sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigitLower)) throw reader.Invalid("'sha256' is not 64 hexadecimal digits. Make a new token with 'borgstore-server-rest token add'");
                    break;
                case ("expires", AccountKind.Token):
                    var text = reader.ReadText(property);
                    expires = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
                        : throw reader.Invalid($"'expires' is '{text}', which is no time such as 2027-12-31T00:00:00Z");
                    break;
                default:
                    throw reader.Unknown(property, kind switch
                    {
                        AccountKind.Group => "members, stores, admin, metrics",
                        AccountKind.Token => "sha256, expires, stores, admin, metrics",
                        _ => property == "quota" ? "stores, admin, metrics. A quota is set per store, under \"stores\" at the top" : "stores, admin, metrics",
                    });
            }
        }
        if (kind != AccountKind.Token) return account;
        return account with { Token = new(sha256 ?? throw reader.Invalid($"the token '{name}' has no 'sha256'"), expires) };
    }

    private static List<StoreRule<StoreRights>> ReadStores(ref StrictReader reader)
    {
        var rules = new List<StoreRule<StoreRights>>();
        reader.BeginObject();
        while (reader.NextProperty() is { } pattern)
        {
            CheckPattern(ref reader, pattern);
            rules.Add(new(pattern, ReadPermissions(ref reader)));
        }
        return rules;
    }

    private static StoreRights ReadPermissions(ref StrictReader reader)
    {
        var text = reader.TryReadObjectText() ?? reader.ReadText("a permission");
        try
        {
            return ParsePermission(text);
        }
        catch (StoreException e)
        {
            throw reader.Invalid(e.Message.TrimEnd('.'));
        }
    }

    private static List<StoreRule<long>> ReadQuotas(ref StrictReader reader)
    {
        var quotas = new List<StoreRule<long>>();
        reader.BeginObject();
        while (reader.NextProperty() is { } pattern)
        {
            CheckPattern(ref reader, pattern);
            reader.BeginObject();
            while (reader.NextProperty() is { } property)
            {
                if (property != "quota") throw reader.Unknown(property, "quota");
                quotas.Add(new(pattern, reader.ReadSize(property)));
            }
        }
        return quotas;
    }

    private static void CheckPattern(ref StrictReader reader, string pattern)
    {
        if (DescribePatternProblem(pattern) is { } problem) throw reader.Invalid(problem);
    }

    private enum AccountKind
    {
        User,
        Group,
        Token,
    }

    /// <summary>Reads JSON and knows the line of every problem.</summary>
    private ref struct StrictReader(ReadOnlySpan<byte> text, string file)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private readonly Stack<HashSet<string>> _seen = new();
        private Utf8JsonReader _json = new(text);

        /// <summary>Throws if anything follows.</summary>
        public void ReadEnd() => _json.Read();

        /// <summary>Reads the start of an object.</summary>
        public void BeginObject()
        {
            _json.Read();
            if (_json.TokenType != JsonTokenType.StartObject) throw Invalid("an object, { … }, is expected here");
            _seen.Push(new(StringComparer.Ordinal));
        }

        /// <summary>Reads the name of a property, or the end of the object, for which <see langword="null"/> is returned.</summary>
        public string? NextProperty()
        {
            _json.Read();
            if (_json.TokenType == JsonTokenType.EndObject)
            {
                _seen.Pop();
                return null;
            }
            var name = _json.GetString()!;
            return _seen.Peek().Add(name) ? name : throw Invalid($"'{name}' is there twice");
        }

        public bool ReadBoolean(string property)
        {
            _json.Read();
            return _json.TokenType is JsonTokenType.True or JsonTokenType.False ? _json.GetBoolean() : throw Invalid($"'{property}' is neither true nor false");
        }

        public string ReadText(string property)
        {
            if (_json.TokenType == JsonTokenType.PropertyName) _json.Read();
            return _json.TokenType == JsonTokenType.String ? _json.GetString()! : throw Invalid($"'{property}' is not a text in quotes");
        }

        public long ReadSize(string property)
        {
            _json.Read();
            return _json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var size) && size >= 0 ? size : throw Invalid($"'{property}' is not a number of bytes, without quotes");
        }

        public List<string> ReadTexts(string property)
        {
            _json.Read();
            if (_json.TokenType != JsonTokenType.StartArray) throw Invalid($"'{property}' is not a list such as [\"anna\", \"ben\"]");
            var texts = new List<string>();
            while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
                texts.Add(_json.TokenType == JsonTokenType.String ? _json.GetString()! : throw Invalid($"'{property}' has an entry that is not a text in quotes"));
            return texts;
        }

        /// <summary>Reads an object as text, or the start of anything else, for which <see langword="null"/> is returned.</summary>
        public string? TryReadObjectText()
        {
            _json.Read();
            if (_json.TokenType != JsonTokenType.StartObject) return null;
            var start = (int)_json.TokenStartIndex;
            _json.Skip();
            return Encoding.UTF8.GetString(_text[start..(int)_json.BytesConsumed]);
        }

        public readonly StoreException Unknown(string property, string allowed) => Invalid($"there is no property '{property}' here. Allowed are {allowed}");

        public readonly StoreException Invalid(string problem)
        {
            var line = _text[..(int)_json.TokenStartIndex].Count((byte)'\n') + 1;
            return new(StoreError.InvalidArgument, $"The rights file '{file}' is not valid: line {line}: {problem}.");
        }
    }
}
