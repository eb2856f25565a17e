using System.Globalization;
using System.Net;
using System.Text.Json;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Server;

/// <summary>The files with the users of a server, which the server program reads and changes.</summary>
/// <param name="UserFile">The full path of the file with users and passwords, or <see langword="null"/>.</param>
/// <param name="RightsFile">The full path of the file with rights and tokens, or <see langword="null"/>.</param>
internal sealed record ServerUserFiles(string? UserFile, string? RightsFile)
{
    /// <summary>Runs a command of the server program on the files.</summary>
    /// <param name="arguments">The command, and options other than the files.</param>
    /// <param name="password">The password, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The users that it lists.</returns>
    public async Task<IReadOnlyList<BorgStoreServerUser>> RunAsync(IEnumerable<string> arguments, string? password, CancellationToken cancellationToken)
    {
        string[] files = [.. UserFile is null ? Array.Empty<string>() : ["--users", UserFile], .. RightsFile is null ? Array.Empty<string>() : ["--rights", RightsFile]];
        var output = await ServerProgram.RunAsync(["user", .. arguments, .. files], password, cancellationToken);
        if (output.Trim().Length == 0) return [];
        using var document = JsonDocument.Parse(output);
        return [.. document.RootElement.EnumerateArray().Select(Read)];
    }

    /// <summary>Returns the names of users and tokens for completion, as far as the files can be read.</summary>
    public IEnumerable<string> ReadNames()
    {
        var users = UserFile is null ? [] : File.ReadLines(UserFile).Where(line => line.IndexOf(':') > 0 && line[0] != '#').Select(line => line[..line.IndexOf(':')]);
        return users.Concat(ReadNames("users")).Concat(ReadNames("tokens")).Distinct();
    }

    /// <summary>Returns the names of groups for completion.</summary>
    public IEnumerable<string> ReadGroups() => ReadNames("groups");

    private List<string> ReadNames(string kind)
    {
        if (RightsFile is null) return [];
        using var document = JsonDocument.Parse(File.ReadAllText(RightsFile));
        return document.RootElement.TryGetProperty(kind, out var all) ? [.. all.EnumerateObject().Select(one => one.Name)] : [];
    }

    private BorgStoreServerUser Read(JsonElement user)
    {
        var name = user.GetProperty("name").GetString()!;
        return new()
        {
            Name = name,
            Kind = user.GetProperty("kind").GetString() == "token" ? BorgStoreServerUserKind.Token : BorgStoreServerUserKind.User,
            HasPassword = user.GetProperty("password").GetBoolean(),
            IsAdmin = user.GetProperty("admin").GetBoolean(),
            MemberOf = [.. user.GetProperty("groups").EnumerateArray().Select(group => group.GetString()!)],
            Rights = [.. user.GetProperty("stores").EnumerateArray().Select(ReadRight)],
            Expires = user.GetProperty("expires").GetString() is { } time ? DateTimeOffset.Parse(time, CultureInfo.InvariantCulture).LocalDateTime : null,
            Credential = user.GetProperty("secret").GetString() is { } secret ? new(name, new NetworkCredential("", secret).SecurePassword) : null,
            UserFile = UserFile,
            RightsFile = RightsFile,
        };
    }

    private static BorgStoreServerRight ReadRight(JsonElement right) => new(
        right.GetProperty("stores").GetString()!,
        right.GetProperty("permission").GetString()!,
        right.GetProperty("quota") is { ValueKind: JsonValueKind.Number } quota ? quota.GetInt64() : null);
}
