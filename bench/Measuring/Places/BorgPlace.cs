using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Tests.Borg;
using BorgStore.Tests.Server;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>Borg 2 on a local folder, through our server, and through the Python package's server.</summary>
internal sealed class BorgPlace : Place
{
    public const string Ours = "Borg → ours";
    public const string Local = "Borg → folder";

    public override string Name => "borg";

    public override TimeSpan Budget => TimeSpan.FromSeconds(100);

    public override bool HasCosts => false;

    // Creating an archive includes creating the repository.
    public override IEnumerable<Case> Cases(RunOptions options)
        => new[] { "store", "list", "load", "check", "verify" }.Select(operation => new Case(Name, operation, 64 * KiB, 1, options.IsQuick ? 500 : 2000));

    public override async Task StartAsync(Session session, RunOptions options)
    {
        if (!BorgRoot.Exists)
        {
            session.LeaveOut("There is no Borg 2 here, so it is left out; tests/servers/borg-root.sh brings it.");
            return;
        }
        Add(Local, Role.Floor, session.NewPath("repository"));
        Add(Ours, Role.Ours, await session.StartServerAsync("--port", "0", "--backend", "file://" + session.NewPath("ours")) + "/");
        if (session.FindPython("borgstore, requests") is not { } python) return;
        var port = TestPorts.FindFree();
        await session.StartServerAsync(port, python.FileName, [.. python.Arguments, "-m", "borgstore.server.rest", "--port", $"{port}", "--backend", "file://" + session.NewPath("python")]);
        Add("Borg → Python", Role.Peer, $"http://127.0.0.1:{port}/");

        void Add(string name, Role role, string repository)
        {
            var borg = Command("borg2");
            session.Add(new ProgramSubject(name, role, _ => true, session.NewPath("program"), new()
            {
                ["store"] = $"{borg} repo-create --encryption=aes256-ocb && cd \"$SRC\" && {borg} create one .",
                ["list"] = $"{borg} list one",
                ["load"] = $"cd \"$OUT\" && {borg} extract one",
                ["check"] = $"{borg} check",
                ["verify"] = $"{borg} check --verify-data",
                ["clear"] = $"{borg} repo-delete",
            }, new Dictionary<string, string>
            {
                ["BORG_REPO"] = repository,
                ["BORG_BASE_DIR"] = Directory.CreateDirectory(session.NewPath("home")).FullName,
                ["BORG_PASSPHRASE"] = "bench",
                ["BORG_TESTONLY_WEAKEN_KDF"] = "1",
                ["BORG_DELETE_I_KNOW_WHAT_I_AM_DOING"] = "YES",
                ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes",
                ["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes",
                ["LC_ALL"] = "C.UTF-8",
            })
            {
                // The root file system with Borg takes a moment to be entered.
                Overhead = Command("true"),
            });
        }

        static string Command(string program)
        {
            var root = BorgRoot.Run(program);
            return string.Join(' ', root.Arguments.Prepend(root.FileName).Select(word => $"'{word}'"));
        }
    }
}
