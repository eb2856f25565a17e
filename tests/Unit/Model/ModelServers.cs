using System.Diagnostics;
using System.Runtime.InteropServices;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Backends.S3;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Model.Driver;
using BorgStore.Tests.Rclone;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;
using Line = BorgStore.Tests.Sftp.FaultProxy;

namespace BorgStore.Tests.Model;

/// <summary>A server of ours in a process of its own, which can be killed and comes back at the same port.</summary>
/// <param name="storePath">The folder of the store.</param>
/// <param name="prefix">A program with arguments that runs it, such as one that takes rights away.</param>
internal sealed class ModelServer(string storePath, params string[] prefix) : IAsyncDisposable
{
    private ServerProcess? _server;

    public int Port { get; } = TestPorts.FindFree();

    public int Id => _server!.Process.Id;

    public async Task<ModelServer> StartAsync()
    {
        string[] command = [.. prefix, ServerProcess.OurServer, "--port", $"{Port}", "--backend", new Uri(storePath).AbsoluteUri, "--durability", "none"];
        var server = _server = ServerProcess.Start(command[0], command[1..]);
        await ServerProcess.WaitUntilAsync(() => server.Output.Contains("listening on ", StringComparison.Ordinal), () => server.Output, server.Process);
        return this;
    }

    public async Task RestartAsync()
    {
        _server!.Process.Kill();
        await _server.Process.WaitForExitAsync();
        await _server.DisposeAsync();
        await StartAsync();
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;
}

/// <summary>Places on servers.</summary>
internal static class ModelServers
{
    /// <summary>The servers that can be reached over a line that breaks.</summary>
    public static readonly string[] Kinds = ["sftp", "http", "s3", "rclone"];

    /// <summary>Returns a place on a server.</summary>
    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    /// <param name="ceph">The S3 server.</param>
    /// <param name="overLine">Whether there is a line that can break between client and server.</param>
    public static async Task<(ModelPlace Place, Line? Line, ModelServer? Server)> MakeAsync(string kind, CephServer ceph, bool overLine = false)
    {
        var place = new ModelPlace { Kind = overLine ? $"{kind} over a line that breaks" : kind, Repeats = true, Traits = TraitsOf(kind) };
        Line? line = null;
        ModelServer? server = null;
        switch (kind)
        {
            case "sftp":
                var sshd = OpenSshServer.Instance;
                Assert.SkipWhen(sshd.Missing is not null, sshd.Missing ?? "");
                if (overLine)
                {
                    line = place.Own(new Line(sshd.Port));
                    sshd.WriteKnownHosts(line.Port);
                }
                // The line recovers well before an operation is given up.
                place.Create = () => SshAccess.CreateBackend(sshd.Url(place.StorePath, line?.Port) with { Timeout = TimeSpan.FromSeconds(5) }, overLine ? sshd.Options : sshd.SharedOptions);
                place.CreateDirect = () => SshAccess.CreateBackend(sshd.Url(place.StorePath), sshd.SharedOptions);
                place.Address = new($"sftp://{Environment.UserName}@127.0.0.1:{sshd.Port}/{place.StorePath}");
                place.Environment["BORGSTORE_RSH"] = $"ssh -F none {string.Join(' ', sshd.SharedOptions.Select(option => $"-o {option}"))}";
                break;
            case "http":
                server = place.Own(await new ModelServer(place.StorePath).StartAsync());
                if (overLine) line = place.Own(new Line(server.Port));
                place.Address = new($"http://127.0.0.1:{line?.Port ?? server.Port}");
                place.Create = () => BackendFactory.Create(place.Address.Url, place.Options);
                var direct = new ModelAddress($"http://127.0.0.1:{server.Port}");
                place.CreateDirect = direct.CreateBackend;
                break;
            case "s3":
                var running = await ceph.GetAsync();
                if (overLine) line = place.Own(new Line(running.Endpoint.Port));
                var path = $"model/{Guid.NewGuid():n}";
                place.Address = new(running.UrlOf(path, line is null ? null : new Uri($"http://127.0.0.1:{line.Port}")));
                place.Create = () => S3Backend.Create(place.Address.Url, place.Options);
                place.CreateDirect = () => S3Backend.Create(running.UrlOf(path), new());
                break;
            default:
                RcloneProgram.Require();
                place.Create = () => new RcloneBackend($"rclone:{place.StorePath}");
                place.Address = new($"rclone:{place.StorePath}");
                break;
        }
        return (await place.CreateStoreAsync(), line, server);
    }

    /// <summary>Returns what a kind of server does in steps.</summary>
    public static ModelTraits TraitsOf(string kind) => kind switch
    {
        // OpenSSH's own way to rename without replacing.
        "sftp" => ModelTraits.LinksToMove | ModelTraits.UndoesLinks | ModelTraits.TakesGoneForDone,
        "s3" => ModelTraits.MovesInSteps | ModelTraits.DeletesInSteps,
        "rclone" => ModelTraits.MovesInSteps | ModelTraits.DeletesInSteps | ModelTraits.CreatesInSteps | ModelTraits.LooksUpSizesOfCopies,
        _ => ModelTraits.None,
    };
}

/// <summary>What can go wrong.</summary>
internal static partial class ModelFaults
{
    private const int Exchange = 2;
    private const int AtWorkingDirectory = -100;

    /// <summary>All connections are cut.</summary>
    public static ModelFault Cut(Line line) => new("cut", _ =>
    {
        line.Cut();
        return Task.FromResult<int[]?>(null);
    });

    /// <summary>The line passes nothing for a while, then everything, or is cut.</summary>
    public static ModelFault Stall(Line line) => new("stall", async random =>
    {
        line.IsStuck = true;
        await Task.Delay(random.Next(20, 200));
        if (random.Next(2) == 0) line.Cut();
        line.IsStuck = false;
        return null;
    });

    /// <summary>The line has a delay and little bandwidth for a while.</summary>
    public static ModelFault Slow(Line line) => new("slow line", async random =>
    {
        (line.Delay, line.Rate) = (TimeSpan.FromMilliseconds(random.Next(1, 20)), 2_000_000);
        await Task.Delay(random.Next(20, 150));
        (line.Delay, line.Rate) = (default, 0);
        return null;
    });

    /// <summary>The server is killed and starts again.</summary>
    public static ModelFault Kill(ModelServer server) => new("server killed", async _ =>
    {
        await server.RestartAsync();
        return null;
    })
    {
        Pause = 500,
    };

    /// <summary>Rclone is killed; the next operation starts it again.</summary>
    public static ModelFault Kill(RcloneServerManager service) => new("rclone killed", async _ =>
    {
        var id = (await service.GetServerAsync(CancellationToken.None)).Id;
        try
        {
            using var process = Process.GetProcessById(id);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
        return null;
    })
    {
        Pause = 800,
    };

    /// <summary>A process that uses the store is killed.</summary>
    public static ModelFault Kill(ProcessClient client) => new("client killed", async random =>
    {
        var begun = random.Next(1, 60);
        for (var attempt = 0; attempt < 100 && !client.Kill(begun); attempt++) await Task.Delay(2);
        return null;
    });

    /// <summary>The disk is full for a while.</summary>
    public static ModelFault Fill(string folder) => new("full disk", async random =>
    {
        var file = Path.Combine(folder, "filler");
        try
        {
            await using var stream = File.Create(file);
            var chunk = new byte[64 << 10];
            while (true) await stream.WriteAsync(chunk);
        }
        catch (IOException)
        {
            await Task.Delay(random.Next(5, 60));
        }
        File.Delete(file);
        return null;
    });

    /// <summary>The server may not use the folder of the store, or only read it, for a while.</summary>
    public static ModelFault TakeRights(string folder) => new("rights taken away", async random =>
    {
        if (OperatingSystem.IsWindows()) return null;
        var before = File.GetUnixFileMode(folder);
        File.SetUnixFileMode(folder, random.Next(2) == 0 ? UnixFileMode.None : UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await Task.Delay(random.Next(10, 80));
        File.SetUnixFileMode(folder, before);
        return null;
    });

    /// <summary>A process has no file descriptors left for a while.</summary>
    public static ModelFault ExhaustFiles(Func<int?> findProcess) => new("no descriptors left", async random =>
    {
        if (findProcess() is not { } id || !Directory.Exists($"/proc/{id}/fd")) return null;
        var count = Directory.GetFiles($"/proc/{id}/fd").Length;
        await Programs.RunAsync("prlimit", "--pid", $"{id}", $"--nofile={count + random.Next(3)}:");
        await Task.Delay(random.Next(20, 100));
        await Programs.RunAsync("prlimit", "--pid", $"{id}", "--nofile=4096:");
        return null;
    });

    /// <summary>A file is in the place of the directory of a group for a while.</summary>
    public static ModelFault ReplaceDirectory(string storePath, int groups) => new("file in place of a directory", async random =>
    {
        var group = random.Next(groups);
        var directory = Path.Combine(storePath, ModelOperation.DirectoryOf(group));
        var file = Path.Combine(storePath, "..", "file");
        await File.WriteAllTextAsync(file, "not a directory");
        if (Rename(AtWorkingDirectory, directory, AtWorkingDirectory, file, Exchange) != 0) return null;
        await Task.Delay(random.Next(5, 40));
        Assert.Equal(0, Rename(AtWorkingDirectory, directory, AtWorkingDirectory, file, Exchange));
        return [group];
    });

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int oldDirectory, string oldPath, int newDirectory, string newPath, int flags);
}
