using System.Diagnostics;

namespace BorgStore.Tests.Server;

/// <summary>OpenSSH's server on a loopback port with its own keys, for the user who runs the test.</summary>
internal sealed class TestSshd : IAsyncDisposable
{
    private const string Program = "/usr/sbin/sshd";
    private readonly ServerProcess _process;

    private TestSshd(ServerProcess process, int port, string clientCommand) => (_process, Port, ClientCommand) = (process, port, clientCommand);

    public int Port { get; }

    /// <summary>The value of BORGSTORE_RSH for clients.</summary>
    public string ClientCommand { get; }

    /// <summary>Starts the server.</summary>
    /// <param name="folder">The folder for its files.</param>
    /// <param name="forcedCommand">The command to run instead of the client's.</param>
    public static async Task<TestSshd> StartAsync(string folder, string? forcedCommand = null)
    {
        if (!File.Exists(Program)) Assert.Skip("There is no sshd. Install openssh-server.");
        Directory.CreateDirectory(folder);
        foreach (var key in new[] { "host", "user" })
            await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(folder, key));
        var options = forcedCommand is null ? "" : $"command=\"{forcedCommand.Replace("\"", "\\\"")}\",restrict ";
        await File.WriteAllTextAsync(Path.Combine(folder, "authorized_keys"), options + await File.ReadAllTextAsync(Path.Combine(folder, "user.pub")));
        var port = TestPorts.FindFree();
        // With SHLVL, the shell does not run the user's own login scripts.
        await File.WriteAllTextAsync(Path.Combine(folder, "config"), $"""
            ListenAddress 127.0.0.1:{port}
            HostKey {folder}/host
            PidFile none
            AuthorizedKeysFile {folder}/authorized_keys
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM no
            PermitRootLogin yes
            MaxStartups 100:30:200
            MaxSessions 100
            SetEnv SHLVL=1 PATH={AppContext.BaseDirectory}:/usr/local/bin:/usr/bin:/bin DOTNET_ROOT={Environment.GetEnvironmentVariable("DOTNET_ROOT")}
            """);
        if (Environment.UserName == "root") Directory.CreateDirectory("/run/sshd");
        var process = ServerProcess.Start(Program, ["-D", "-e", "-f", Path.Combine(folder, "config")]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(port), () => process.Output, process.Process);
        return new(process, port,
            $"ssh -F none -p {port} -i {folder}/user -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR");
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
    }
}

/// <summary>A server for all tests of a class.</summary>
public sealed class SharedSshd : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TestSshd? _sshd;

    /// <summary>The value of BORGSTORE_RSH for clients.</summary>
    public string ClientCommand => _sshd!.ClientCommand;

    public async ValueTask InitializeAsync() => _sshd = await TestSshd.StartAsync(_folder.Combine("sshd"));

    public async ValueTask DisposeAsync()
    {
        if (_sshd is not null) await _sshd.DisposeAsync();
        _folder.Dispose();
    }
}
