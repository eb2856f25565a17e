using System.Diagnostics;
using System.Globalization;
using BorgStore.Backends;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.SshNet;
using BorgStore.Processes;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Sftp;

/// <summary>A server, and one of the ways to reach it.</summary>
internal abstract class SshAccess
{
    /// <summary>Why there is no such server on this machine, or <see langword="null"/> if there is one.</summary>
    public abstract string? Missing { get; }

    public abstract int Port { get; }

    public abstract string Folder { get; }

    public string KnownHosts => Path.Combine(Folder, "known_hosts");

    /// <summary>Options that use the test's key and trust the server, regardless of the user's configuration.</summary>
    public abstract string[] Options { get; }

    /// <summary>The same options with an existing connection, which saves a second of computing per test.</summary>
    public abstract string[] SharedOptions { get; }

    public virtual SftpUrl Url(string path, int? port = null) => SftpUrl.Parse($"sftp://{Environment.UserName}@127.0.0.1:{port ?? Port}/{path}");

    public static SftpBackend CreateBackend(SftpUrl url, params string[] options) => new(url, new BackendOptions(), Connect(url, options));

    /// <summary>Creates a store and opens it, watching its connections.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="options">The options of the server.</param>
    /// <param name="watch">Wraps each connection.</param>
    /// <param name="backendOptions">The options of the backend.</param>
    public static async Task<SftpBackend> OpenWatchedAsync(
        SftpUrl url, string[] options, Func<ISftpTransport, WatchedTransport> watch, BackendOptions? backendOptions = null)
    {
        var store = Watch(url, options, watch, backendOptions);
        await store.CreateAsync(TestContext.Current.CancellationToken);
        await store.OpenAsync(TestContext.Current.CancellationToken);
        return store;
    }

    /// <summary>Returns a backend that is not open, with watched connections.</summary>
    public static SftpBackend Watch(SftpUrl url, string[] options, Func<ISftpTransport, WatchedTransport> watch, BackendOptions? backendOptions = null)
    {
        var connect = Connect(url, options);
        return new(url, backendOptions ?? new BackendOptions(), async token => watch(await connect(token)));
    }

    /// <summary>Trusts the server on another port too.</summary>
    public void WriteKnownHosts(int port)
    {
        foreach (var key in Directory.GetFiles(Folder, "host_*.pub"))
            File.AppendAllText(KnownHosts, $"[127.0.0.1]:{port} {string.Join(' ', File.ReadAllText(key).Split(' ').Take(2)).TrimEnd()}\n");
    }

    private static Func<CancellationToken, ValueTask<ISftpTransport>> Connect(SftpUrl url, string[] options)
        => options.Contains(SftpConnector.SshNet) ? token => SshNetTransport.ConnectAsync(SshNetAccess.Login(url, options), token)
            : new SshConnector(url, options).ConnectAsync;
}

/// <summary>A server reached over SSH.NET.</summary>
/// <param name="server">The server.</param>
internal sealed class SshNetAccess(SshAccess server) : SshAccess
{
    public static SshNetAccess OpenSsh => new(Wine.IsHere ? new SshdAroundWine() : OpenSshServer.Instance);

    public static SshNetAccess ProFtpd => new(ProFtpdServer.Instance);

    public override string? Missing => server.Missing;

    public override int Port => server.Port;

    public override string Folder => server.Folder;

    public override string[] Options => [SftpConnector.SshNet, Path.Combine(Folder, "id"), KnownHosts];

    public override string[] SharedOptions => Options;

    public override SftpUrl Url(string path, int? port = null) => server.Url(path, port);

    public static SshLogin Login(SftpUrl url, string[] options) => new(url.Target) { KeyFile = options[1], KnownHostsFiles = [options[2]] };
}

/// <summary>An sshd of the system around Wine, in which none can be started: tests/windows/run does, with its keys in <c>C:\sshd</c>.</summary>
internal sealed class SshdAroundWine : SshAccess
{
    // The port, and the folder that is C: here.
    private static readonly string[] Place = (Environment.GetEnvironmentVariable("BORGSTORE_TEST_SSHD") ?? "").Split(':');

    public override string? Missing => Place.Length == 2 ? null : "No sshd runs outside of Wine (openssh-server).";

    public override int Port => int.Parse(Place[0], CultureInfo.InvariantCulture);

    public override string Folder => @"C:\sshd";

    public override string[] Options => throw new NotSupportedException("There is no ssh program here.");

    public override string[] SharedOptions => Options;

    public override SftpUrl Url(string path, int? port = null) => base.Url(Place[1] + path[2..].Replace('\\', '/'), port);
}

/// <summary>A real server on its own loopback port with its own keys, which ends with the tests.</summary>
internal abstract class SshServer : SshAccess
{
    private readonly ChildProcess? _server;
    private readonly ChildProcess? _master;

    protected SshServer(string name)
    {
        Folder = Directory.CreateTempSubdirectory($"borgstore-{name}-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
        Missing = FindMissing();
        if (Missing is not null) return;

        Generate("id", "ed25519");
        Port = TestPorts.FindFree();
        _server = ChildProcess.Start(Configure());
        WriteKnownHosts(Port);
        for (var i = 0; !TestPorts.IsOpen(Port); i++)
        {
            if (i > 100 || _server.Exited.IsCompleted) throw new InvalidOperationException($"{name} does not start: {_server.Errors}");
            Thread.Sleep(50);
        }
        _master = ChildProcess.Start(SshCommand.ForSubsystem(Url("x").Target, [.. Options, "ControlMaster=yes", MasterPath]));
    }

    public override string? Missing { get; }

    public override int Port { get; }

    public override string Folder { get; }

    private string MasterPath => $"ControlPath={Path.Combine(Folder, "master")}";

    public override string[] Options =>
    [
        $"IdentityFile={Path.Combine(Folder, "id")}", "IdentitiesOnly=yes", "IdentityAgent=none",
        $"UserKnownHostsFile={KnownHosts}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes",
    ];

    public override string[] SharedOptions => [.. Options, MasterPath];

    protected abstract ChildCommand Configure();

    protected abstract string? FindMissing();

    protected string Generate(string name, string type, params string[] more)
    {
        var path = Path.Combine(Folder, name);
        using var process = Process.Start("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", path, .. more]);
        process.WaitForExit();
        return path;
    }

    protected string WriteFile(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    protected static string? FindProgram(string name)
        => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin".Split(':').Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
}

/// <summary>OpenSSH's sshd with its internal-sftp.</summary>
internal class OpenSshServer : SshServer
{
    private static readonly Lazy<OpenSshServer> Shared = new(() => new());

    protected OpenSshServer() : base("sshd")
    {
    }

    public static OpenSshServer Instance => Shared.Value;

    protected virtual int MostLogins => 200;

    protected override string? FindMissing()
        => FindProgram("sshd") is null || FindProgram("ssh") is null ? "There is no OpenSSH here (openssh-server, openssh-client)." : null;

    protected override ChildCommand Configure()
    {
        if (Environment.UserName == "root") Directory.CreateDirectory("/run/sshd");
        // With SHLVL, the shell does not run the user's own login scripts.
        var config = WriteFile("sshd_config", $"""
            ListenAddress 127.0.0.1:{Port}
            HostKey {Generate("host_ed25519", "ed25519")}
            PidFile none
            AuthorizedKeysFile {Path.Combine(Folder, "id.pub")}
            StrictModes no
            PermitRootLogin yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM no
            MaxStartups {MostLogins}
            MaxSessions 200
            Subsystem sftp internal-sftp
            SetEnv SHLVL=1
            """);
        return new(FindProgram("sshd")!, ["-D", "-e", "-f", config]);
    }
}

/// <summary>An sshd that allows one login at a time.</summary>
internal sealed class CrowdedSshServer : OpenSshServer
{
    private static readonly Lazy<CrowdedSshServer> Shared = new(() => new());

    private CrowdedSshServer()
    {
    }

    public static new CrowdedSshServer Instance => Shared.Value;

    protected override int MostLogins => 1;
}

/// <summary>ProFTPD with its mod_sftp.</summary>
internal sealed class ProFtpdServer : SshServer
{
    private static readonly Lazy<ProFtpdServer> Shared = new(() => new());

    private ProFtpdServer() : base("proftpd")
    {
    }

    public static ProFtpdServer Instance => Shared.Value;

    protected override string? FindMissing()
    {
        if (FindProgram("proftpd") is null || !File.Exists("/usr/lib/proftpd/mod_sftp.so"))
            return "There is no ProFTPD with mod_sftp here (proftpd-core, proftpd-mod-crypto).";
        return Environment.UserName == "root" ? null : "ProFTPD needs to be started by root.";
    }

    protected override ChildCommand Configure()
    {
        // mod_sftp needs its keys in other formats than other programs.
        Directory.CreateDirectory(Path.Combine(Folder, "keys"));
        using var convert = Process.Start(new ProcessStartInfo("ssh-keygen", ["-e", "-m", "RFC4716", "-f", Path.Combine(Folder, "id.pub")])
        {
            RedirectStandardOutput = true,
        })!;
        WriteFile($"keys/{Environment.UserName}", convert.StandardOutput.ReadToEnd());
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Folder, (UnixFileMode)0x1ed);
        var config = WriteFile("proftpd.conf", $"""
            ModulePath /usr/lib/proftpd
            LoadModule mod_sftp.c
            ServerName tests
            ServerType standalone
            DefaultAddress 127.0.0.1
            SocketBindTight on
            UseIPv6 off
            Port {Port}
            User nobody
            Group nogroup
            PidFile {Folder}/pid
            ScoreboardFile {Folder}/scoreboard
            DelayEngine off
            WtmpLog off
            TransferLog none
            SystemLog {Folder}/system.log
            UseReverseDNS off
            RequireValidShell off
            RootLogin on
            UseFtpUsers off
            AllowOverwrite on
            AllowStoreRestart on
            MaxInstances 64
            AuthOrder mod_auth_unix.c
            SFTPEngine on
            SFTPLog {Folder}/sftp.log
            SFTPHostKey {Generate("host_ecdsa", "ecdsa", "-m", "PEM")}
            SFTPAuthMethods publickey
            SFTPAuthorizedUserKeys file:{Folder}/keys/%u
            SFTPMaxChannels 32
            """);
        return new(FindProgram("proftpd")!, ["-n", "-q", "-c", config]);
    }
}
