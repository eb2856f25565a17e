using System.Globalization;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Tests.Server;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>Our server over TCP, compared with a bare handler of Kestrel, one bare stream over TCP, and the Python package's server; with our client, a bare one, and wrk.</summary>
internal sealed class RestPlace : Place
{
    // Of a password "benchmark", as expensive as usual.
    private const string User = "bench:$2b$10$.BsDREv.nKR/5u2mlkAdsOL3ItVJ54h6b4T3/VZhNNG6eQRn5lbFm";
    private static readonly string Authorization = "Basic " + Convert.ToBase64String("bench:benchmark"u8);

    public const string WrkFull = "wrk → ours, users, metrics, audit";
    public const string WrkOurs = "wrk → ours";
    public const string WrkFloor = "wrk → bare Kestrel";
    public const string Client = "HttpClient → ours";
    public const string Stream = "TCP stream";

    public override string Name => "rest";

    public override TimeSpan Budget => TimeSpan.FromSeconds(220);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.25);

    public override async Task StartAsync(Session session, RunOptions options)
    {
        session.AddOurs(await StartOursAsync(session), _ => true);
        session.AddPipeline(await StartOursAsync(session), _ => true);
        if (session.FindPython("borgstore, requests") is { } python)
        {
            session.AddPython(await StartOursAsync(session), @case => @case.Size <= MiB, "Python → ours", modules: "borgstore, requests", most: 50);
            var port = TestPorts.FindFree();
            await session.StartServerAsync(port, python.FileName, [.. python.Arguments, "-m", "borgstore.server.rest", "--port", Text(port), "--backend", "file://" + session.NewPath("python")]);
            // It delays each small response by 40 ms, so few must do.
            session.AddPython($"http://127.0.0.1:{port}", @case => @case.Size == KiB && @case.Operation is ("store" or "load" or "info"), "Python → Python", modules: "borgstore, requests", most: 5);
        }
        session.AddWorker(Stream, Role.Floor, @case => @case is { Operation: "load" or "store", Size: 64 * MiB, Concurrency: 1 }, "dotnet", [typeof(RestPlace).Assembly.Location, "stream"]);
        await AddSmallAsync(session);
    }

    private static async Task<string> StartOursAsync(Session session)
        => await session.StartServerAsync("--port", "0", "--durability", "none", "--backend", "file://" + session.NewPath("server"));

    private static async Task AddSmallAsync(Session session)
    {
        var bare = await session.StartServerAsync("--port", "0", "--durability", "none", "--backend", "file://" + MakeFolder("ours"));
        session.AddWorker(Client, Role.Peer, @case => @case is { Operation: "load" or "store", Size: KiB }, "dotnet", [typeof(RestPlace).Assembly.Location, "http", bare]);
        if (!session.Has("wrk")) return;
        Add(WrkOurs, Role.Ours, bare, "");

        var root = MakeFolder("root/bench", "root");
        var (users, rights) = (session.NewPath("users"), session.NewPath("rights"));
        await File.WriteAllTextAsync(users, User + "\n");
        await File.WriteAllTextAsync(rights, """{"users": {"bench": {"stores": {"bench": "all"}}}}""");
        Add(WrkFull, Role.Ours, await session.StartServerAsync("--port", "0", "--durability", "none", "--root", root, "--users", users, "--rights", rights,
            "--metrics-listen", Text(TestPorts.FindFree()), "--audit-log", session.NewPath("audit")), "/bench", Authorization);

        var port = TestPorts.FindFree();
        await session.StartServerAsync(port, "dotnet", [Session.Rest, "floor", Text(port), MakeFolder("floor")]);
        Add(WrkFloor, Role.Floor, $"http://127.0.0.1:{port}", "");

        // Places the values to load, too.
        string MakeFolder(string name, string? returned = null)
        {
            var folder = Path.Combine(session.Folder, "wrk");
            Directory.CreateDirectory(Path.Combine(folder, name, "data"));
            for (var i = 0; i < 2000; i++) File.WriteAllBytes(Path.Combine(folder, name, "data", $"w{i:x8}"), new byte[KiB]);
            return Path.Combine(folder, returned ?? name);
        }

        void Add(string name, Role role, string url, string prefix, string authorization = "")
            => session.Add(new WrkSubject(name, role, @case => @case.Size == KiB, url, prefix, authorization));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Our server over a Unix socket.</summary>
internal sealed class RestSocketPlace : Place
{
    public override string Name => "rest-unix";

    public override TimeSpan Budget => TimeSpan.FromSeconds(40);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.25);

    public override async Task StartAsync(Session session, RunOptions options)
    {
        session.AddOurs(await StartAsync(), _ => true);
        session.AddPipeline(await StartAsync(), _ => true);

        async Task<string> StartAsync()
        {
            var (socket, folder) = (session.NewPath("s"), session.NewPath("server"));
            var server = session.Own(ServerProcess.Start(ServerProcess.OurServer, ["--unix-socket", socket, "--durability", "none", "--backend", "file://" + folder]));
            await ServerProcess.WaitUntilAsync(() => File.Exists(socket), () => server.Output, server.Process);
            return "http+unix://" + Uri.EscapeDataString(socket);
        }
    }
}

/// <summary>Our server, started by the client, over stdin and stdout.</summary>
internal sealed class RestStdioPlace : Place
{
    public override string Name => "rest-stdio";

    public override TimeSpan Budget => TimeSpan.FromSeconds(40);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.25);

    public override Task StartAsync(Session session, RunOptions options)
    {
        var path = new Dictionary<string, string> { ["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}" };
        session.AddOurs(Url(), _ => true, environment: path);
        session.AddPipeline(Url(), _ => true, environment: path);
        return Task.CompletedTask;

        string Url() => "rest:///" + session.NewPath("store");
    }
}
