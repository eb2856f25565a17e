using System.Globalization;
using BorgStore.Server.Access;

namespace BorgStore.Server.Management;

/// <summary>The command <c>user token</c>: changes the tokens in the rights file.</summary>
internal static class TokenCommand
{
    /// <summary>Runs the command.</summary>
    /// <param name="words">The words after <c>token</c>.</param>
    /// <param name="values">The options.</param>
    /// <param name="output">The output, which receives the secret of a new token, once.</param>
    public static void Run(IReadOnlyList<string> words, OptionValues values, TextWriter output)
    {
        var file = values.Get("--rights") ?? throw CommandLine.UsageError("'--rights FILE' is missing.");
        switch (words)
        {
            case ["add", var name]:
                UserList.WriteChanged(values, name, output, Add(file, name, new(values)));
                break;
            case ["remove", var name]:
                RightsEditor.Update(file, root =>
                {
                    if (root["tokens"]?.AsObject().Remove(name) != true) throw new StoreException(StoreError.ObjectNotFound, $"There is no token '{name}' in '{file}'.");
                });
                break;
            case ["list"] when values.HasFlag("--json"):
                output.WriteLine(UserList.ToJson(null, file, tokensOnly: true));
                break;
            case ["list"]:
                foreach (var token in ReloadedFile<Rights>.Read(file, RightsFile.Parse).Tokens.Values)
                    output.WriteLine($"{token.Name}\t{token.Token!.Expires?.ToString("u", CultureInfo.InvariantCulture) ?? "never expires"}");
                break;
            default:
                throw CommandLine.UsageError("Write 'user token add NAME', 'user token remove NAME' or 'user token list'.");
        }
    }

    private static string Add(string file, string name, RightsChange change)
    {
        if (PasswordFile.DescribeNameProblem(name) is { } problem) throw CommandLine.UsageError($"The name of the token {problem}.");
        var secret = AccessToken.CreateSecret();
        RightsEditor.Update(file, root =>
        {
            if (RightsEditor.Find(root, "tokens", name) is not null) throw new StoreException(StoreError.ObjectAlreadyExists, $"The token '{name}' already exists. Remove it first, or choose another name.");
            var token = RightsEditor.Add(root, "tokens", name);
            token["sha256"] = AccessToken.Hash(secret);
            change.Apply(root, token, name);
        });
        return secret;
    }
}
