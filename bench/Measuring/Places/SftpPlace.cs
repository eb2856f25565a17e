using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Tests.Sftp;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>An sshd of this machine, over the program ssh and over SSH.NET, compared with the program sftp and the Python package.</summary>
internal sealed class SftpPlace : Place
{
    public const string Program = "sftp";

    public override string Name => "sftp";

    public override TimeSpan Budget => TimeSpan.FromSeconds(130);

    public override IEnumerable<Case> Cases(RunOptions options)
        => Matrix(options, [1, 16], 0.25).Concat(new[] { "store", "load", "info", "delete" }.Select(operation => new Case(Name, operation, KiB, 64, options.IsQuick ? 1000 : 4000)));

    public override async Task StartAsync(Session session, RunOptions options)
    {
        var server = OpenSshServer.Instance;
        if (server.Missing is { } missing)
        {
            session.LeaveOut(missing);
            return;
        }
        var config = session.NewPath("ssh_config");
        await File.WriteAllTextAsync(config, string.Join('\n', server.Options.Select(option => option.Replace('=', ' '))) + "\n");
        // For those who only look into the home folder.
        var home = Directory.CreateDirectory(Path.Combine(session.Folder, "home", ".ssh"));
        File.Copy(server.KnownHosts, Path.Combine(home.FullName, "known_hosts"));
        foreach (var key in new[] { "id", "id.pub" }) File.Copy(Path.Combine(server.Folder, key), Path.Combine(home.FullName, key == "id" ? "id_ed25519" : "id_ed25519.pub"));
        File.Copy(config, Path.Combine(home.FullName, "config"));
        var viaProgram = new Dictionary<string, string> { ["BORGSTORE_RSH"] = $"ssh -F {config}" };
        var atHome = new Dictionary<string, string> { ["HOME"] = home.Parent!.FullName };

        session.AddOurs(Url(), _ => true, environment: viaProgram);
        session.AddPipeline(Url(), @case => @case.Concurrency < 64, environment: viaProgram);
        session.AddOurs($"{Url()}?transport=ssh.net&key={Path.Combine(server.Folder, "id")}", @case => @case.Operation is "store" or "load", "C# over SSH.NET", environment: atHome);
        session.AddPython(Url(), @case => @case.Size is KiB or MiB, modules: "borgstore, paramiko", environment: atHome, most: 20);
        if (session.Has(Program))
        {
            var batch = $"sftp -q -F {config} -P {server.Port} -b - 127.0.0.1";
            session.Add(new ProgramSubject(Program, Role.Peer, @case => @case.Concurrency == 1 && @case.Size >= MiB, session.NewPath("program"), new()
            {
                ["store"] = $"mkdir -p \"$DATA\"; echo \"put $SRC/* $DATA/\" | {batch}",
                ["load"] = $"echo \"get $DATA/* $OUT/\" | {batch}",
                ["clear"] = "exec rm -rf \"$DATA\"",
            }) { Overhead = $"echo pwd | {batch}" });
        }

        string Url() => $"sftp://{Environment.UserName}@127.0.0.1:{server.Port}/{session.NewPath("store")}";
    }
}
