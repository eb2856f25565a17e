using BorgStore.Server.Access;
using BorgStore.Server.Http;
using BorgStore.Server.Stores;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>The files of a server with users (rights, passwords), the logins of requests, and the names of its stores.</summary>
internal sealed class RightsTarget : IFuzzTarget
{
    private static readonly BasicCredentials Right = new("user", "pass");

    public IReadOnlyList<string> Tokens =>
    [
        "{", "}", "[", "]", ":", ",", "\"users\"", "\"groups\"", "\"stores\"", "\"quotas\"", "\"expires\"", "\"tokens\"", "\"anna\"", "\"*\"", "\"all\"", "\"append-only\"", "\"read-only\"", "null", "true", "\\u0000",
        "anna:", "$2y$05$", "$apr1$", "{SHA}", "Basic ", "dXNlcjpwYXNz", "=41", "%40", "%C3%A9", "/", "@", "\n", "\r\n", "#", "é", "2026-01-01", "1G",
    ];

    public void Run(byte[] input)
    {
        foreach (var text in Check.Texts(input))
        {
            Check.IsRefused(() => RightsFile.Parse(text, "rights.json"));
            Check.IsRefused(() => RightsFile.ParsePermission(text));
            Check.IsRefused(() =>
            {
                var passwords = PasswordFile.Parse(text, "users");
                foreach (var user in passwords.Users) Check.That(passwords.FindHash(user) is { Length: > 0 } && !user.Contains(':'), () => $"The user '{user}' has no hash.");
            });
            if (Right.Matches(text)) Check.That(Convert.FromBase64String(text["Basic ".Length..]).AsSpan().SequenceEqual("user:pass"u8), () => "Another password is right.");
            _ = BasicCredentials.Parse(text);
            foreach (var depth in new[] { 1, 2 }) Check.IsRefused(() => CheckStore(StoreName.Split(text, depth).Store, depth));
            if (StoreName.Unescape(text) is { } name) Check.Equal(text, StoreName.Escape(name), "the folder of a store");
        }
    }

    private static void CheckStore(string name, int depth)
    {
        var elements = name.Split('/');
        Check.Equal(depth, elements.Length, $"the number of elements of '{name}'");
        foreach (var element in elements)
        {
            var folder = StoreName.Escape(element);
            Check.Equal(element, StoreName.Unescape(folder), $"the name of the folder '{folder}'");
            Check.That(folder is not ("" or "." or "..") && folder.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '-' or '_' or '.' or '=' or '@'), () => $"A store is in the folder '{folder}'.");
        }
    }
}
