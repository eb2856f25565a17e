using BorgStore.Server.Stores;

namespace BorgStore.Server.Access;

/// <summary>Checks rights against the options of the server and its users.</summary>
internal static class RightsCheck
{
    /// <summary>Parses a rights file for a server, and adds the rights of the command line.</summary>
    /// <exception cref="StoreException">The file is not valid, or does not fit the options.</exception>
    public static Rights Parse(string text, string file, ServerOptions options)
    {
        var rights = Combine(RightsFile.Parse(text, file), options);
        foreach (var pattern in GetPatterns(rights))
            if (pattern != "*" && pattern.Split('/').Length != options.Depth)
                throw Invalid($"the pattern '{pattern}' matches no store, because its number of path elements is {pattern.Split('/').Length} and '--depth' is {options.Depth}");
        if (rights.Quotas.Count > 0 && !StoreRoot.Resolve(options.Root!).StartsWith("file:", StringComparison.OrdinalIgnoreCase))
            throw Invalid("a quota needs a root that is a folder");
        return rights;

        StoreException Invalid(string problem) => new(StoreError.InvalidArgument, $"The rights file '{file}' is not valid: {problem}.");
    }

    /// <summary>Returns rights with those of the command line.</summary>
    public static Rights Combine(Rights rights, ServerOptions options)
        => rights with
        {
            PrivateRepositories = rights.PrivateRepositories || options.PrivateRepositories,
            AppendOnly = rights.AppendOnly || options.AppendOnly,
        };

    /// <summary>Returns what is probably a mistake, though it is valid.</summary>
    public static IEnumerable<string> FindMistakes(Rights rights, PasswordFile? passwords, DateTimeOffset now)
    {
        var known = (passwords?.Users ?? []).Concat(rights.Tokens.Keys).ToHashSet(StringComparer.Ordinal);
        // A certificate's user is in no file.
        if (passwords is not null)
        {
            foreach (var user in rights.Users.Keys.Where(user => !known.Contains(user)))
                yield return $"The rights name the user '{user}', who has no password in the users file and is no token.";
            foreach (var group in rights.Groups)
                foreach (var member in group.Members.Where(member => !known.Contains(member)))
                    yield return $"The group '{group.Name}' has the member '{member}', who has no password in the users file and is no token.";
            foreach (var both in passwords.Users.Where(rights.Tokens.ContainsKey))
                yield return $"'{both}' is a user and a token. Rename the token.";
        }
        foreach (var token in rights.Tokens.Values.Where(token => token.Token!.Expires < now))
            yield return $"The token '{token.Name}' has expired. Remove it, or make a new one.";
        if (!rights.PrivateRepositories) yield break;
        foreach (var user in known.Where(user => StoreName.DescribeProblem(user) is not null))
            yield return $"The user '{user}' can't have private repositories: {StoreName.DescribeProblem(user)}.";
    }

    private static IEnumerable<string> GetPatterns(Rights rights)
        => rights.Users.Values.Concat(rights.Groups).Concat(rights.Tokens.Values).SelectMany(account => account.Stores.Select(rule => rule.Stores))
            .Concat(rights.Quotas.Select(rule => rule.Stores));
}
