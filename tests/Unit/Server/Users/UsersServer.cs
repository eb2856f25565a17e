using System.Text;
using BorgStore.Server;

namespace BorgStore.Tests.Server.Users;

/// <summary>A test's own server with many stores and users.</summary>
internal sealed class UsersServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RestServer _server;
    private readonly StringWriter _log = new();

    private UsersServer(string? rights, IReadOnlyDictionary<string, string>? passwords, Func<ServerOptions, ServerOptions>? configure)
    {
        Directory.CreateDirectory(Root);
        if (passwords is not null) WriteUsers(passwords);
        if (rights is not null) File.WriteAllText(RightsPath, rights);
        var options = new ServerOptions
        {
            Root = Root,
            Port = 0,
            UsersFile = passwords is null ? null : UsersPath,
            RightsFile = rights is null ? null : RightsPath,
        };
        _server = new(configure?.Invoke(options) ?? options, TextWriter.Synchronized(_log));
    }

    public string Root => _folder.Combine("root");

    public string UsersPath => _folder.Combine("users");

    public string RightsPath => _folder.Combine("rights.json");

    public Uri Address => new(_server.Addresses.First());

    public string Log => _log.ToString();

    /// <summary>Starts a server.</summary>
    /// <param name="rights">The rights file, if there is one.</param>
    /// <param name="passwords">The passwords by user, if there are users.</param>
    /// <param name="configure">Changes its options.</param>
    public static async Task<UsersServer> StartAsync(
        string? rights = null, IReadOnlyDictionary<string, string>? passwords = null, Func<ServerOptions, ServerOptions>? configure = null)
    {
        var server = new UsersServer(rights, passwords, configure);
        await server._server.StartAsync();
        return server;
    }

    public static string Basic(string user, string password)
        => $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}\r\n";

    public void WriteUsers(IReadOnlyDictionary<string, string> passwords)
        => File.WriteAllText(UsersPath, string.Concat(passwords.Select(entry => $"{entry.Key}:{Hash(entry.Value)}\n")));

    public static string Hash(string password) => BCrypt.Net.BCrypt.HashPassword(password, 4);

    public RawClient Connect() => RawClient.Connect(Address);

    /// <summary>Creates a store with items.</summary>
    public void MakeStore(string name, params (string Name, string Value)[] items)
    {
        Directory.CreateDirectory(Path.Combine(Root, name));
        foreach (var (item, value) in items)
        {
            var file = Path.Combine(Root, name, item);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, value);
        }
    }

    /// <summary>All files and directories beside the root and below it.</summary>
    public string[] ListAll() => [.. Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }
}
