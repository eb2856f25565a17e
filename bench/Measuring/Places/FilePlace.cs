using System.Diagnostics;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>A folder, compared with the system calls alone, the Python package and the programs of the system.</summary>
internal sealed class FilePlace : Place
{
    public override string Name => "file";

    public override TimeSpan Budget => TimeSpan.FromSeconds(240);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 2, 16], 1);

    public override async Task StartAsync(Session session, RunOptions options)
    {
        session.AddOurs(Url(), _ => true);
        session.AddOurs(Url(), _ => true, Names.Backend, "backend");
        session.AddPipeline(Url(), _ => true);
        if (await BuildFloorAsync(session) is { } floor) session.AddWorker(Names.Calls, Role.Floor, @case => @case.Operation is not ("hash" or "defrag"), floor, [session.NewPath("floor")]);
        session.AddPython(Url(), _ => true);
        session.AddPython(Url(), @case => @case.Operation is not "defrag", Names.PythonBackend, "backend");
        AddProgram("cp, find, mv, rm", new()
        {
            ["store"] = "exec cp -r \"$SRC/.\" \"$DATA\"",
            ["load"] = "exec cp -r \"$DATA/.\" \"$OUT\"",
            ["list"] = "exec find \"$DATA\" -type f -printf '%f %s\\n'",
            ["list-all"] = "exec find \"$DATA\" -type f -printf '%f %s\\n'",
            ["delete"] = "exec rm -r \"$DATA\"",
            ["clear"] = "exec rm -rf \"$DATA\"",
        });
        if (session.Has("rsync"))
        {
            AddProgram("rsync", new()
            {
                ["store"] = "exec rsync -r --whole-file \"$SRC/\" \"$DATA\"",
                ["load"] = "exec rsync -r --whole-file \"$DATA/\" \"$OUT\"",
                ["clear"] = "exec rm -rf \"$DATA\"",
            });
        }
        AddProgram("sha256sum", new() { ["hash"] = "exec find \"$SRC\" -type f -exec sha256sum {} +", ["clear"] = "true" });

        string Url() => new Uri(session.NewPath("store")).AbsoluteUri;

        void AddProgram(string name, Dictionary<string, string> commands)
            => session.Add(new ProgramSubject(name, Role.Peer, @case => @case.Concurrency == 1, session.NewPath("program"), commands));
    }

    private static async Task<string?> BuildFloorAsync(Session session)
    {
        if (!session.Has("gcc")) return null;
        var program = session.NewPath("floor-program");
        using var gcc = Process.Start("gcc", ["-O2", "-pthread", "-o", program, Session.Peer("floor.c")]);
        await gcc.WaitForExitAsync();
        if (gcc.ExitCode == 0) return program;
        session.LeaveOut("The system calls alone could not be compiled, so they are left out.");
        return null;
    }
}

/// <summary>The same with a cache in another folder, from which values are loaded.</summary>
internal sealed class CachedPlace : Place
{
    public override string Name => "cached";

    public override TimeSpan Budget => TimeSpan.FromSeconds(40);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.5).Where(@case => @case.Size < 64 * MiB);

    public override Task StartAsync(Session session, RunOptions options)
    {
        session.AddOurs(Url("store"), _ => true, cacheUrl: Url("cache"));
        session.AddPipeline(Url("store"), _ => true, Url("cache"));
        session.AddOurs(Url("store"), _ => true, "C# without cache");
        return Task.CompletedTask;

        string Url(string name) => new Uri(session.NewPath(name)).AbsoluteUri;
    }
}

/// <summary>Hashes of files and of values in memory, compared with programs that compute nothing else.</summary>
internal sealed class HashPlace : Place
{
    public const string OpenSsl = "openssl";
    public const string OpenSslSpeed = "openssl speed";
    public const string B3sum = "b3sum";

    public static IReadOnlyList<long> Sizes { get; } = [KiB, 64 * KiB, MiB, 256 * MiB];

    public override string Name => "hash";

    public override TimeSpan Budget => TimeSpan.FromSeconds(60);

    public override bool HasCosts => false;

    public override IEnumerable<Case> Cases(RunOptions options)
        => from size in Sizes
           from operation in new[] { "hash", "blake3", "hash-memory", "blake3-memory" }
           select new Case(Name, operation, size, 1, size switch { KiB => 4000, 64 * KiB => 1000, MiB => 100, _ => 1 } / (options.IsQuick && size < 256 * MiB ? 4 : 1));

    public override Task StartAsync(Session session, RunOptions options)
    {
        session.AddOurs(new Uri(session.NewPath("store")).AbsoluteUri, _ => true);
        AddProgram("sha256sum", "sha256sum", "hash");
        AddProgram(OpenSsl, "openssl dgst -sha256", "hash");
        // It has no benchmark, so it hashes files, which are in memory here, for both.
        AddProgram(B3sum, "b3sum --num-threads 1", "blake3", "blake3-memory");
        if (session.Has("openssl")) session.Add(new OpenSslSpeedSubject(OpenSslSpeed, @case => @case.Operation == "hash-memory"));
        if (session.FindPython("blake3") is { } python)
        {
            session.AddWorker("Python hashlib, blake3", Role.Peer, @case => @case.Operation.EndsWith("-memory", StringComparison.Ordinal),
                python.FileName, [.. python.Arguments, Session.Peer("hash_peer.py")]);
        }
        return Task.CompletedTask;

        void AddProgram(string program, string command, params string[] operations)
        {
            if (!session.Has(program)) return;
            var commands = operations.ToDictionary(operation => operation, _ => $"exec find \"$SRC\" -type f -exec {command} {{}} +");
            commands["clear"] = "true";
            session.Add(new ProgramSubject(program, Role.Peer, _ => true, session.NewPath("program"), commands));
        }
    }
}
