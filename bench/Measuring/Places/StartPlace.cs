using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Tests.Sftp;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>How long programs take to start: the module, stores at the prompt, the server.</summary>
internal sealed class StartPlace : Place
{
    public const string Bare = "pwsh alone";

    public override string Name => "start";

    public override TimeSpan Budget => TimeSpan.FromSeconds(60);

    public override bool HasCosts => false;

    public override IEnumerable<Case> Cases(RunOptions options)
        => new[] { "module", "file", "ssh", "s3", "rclone", "server" }.Select(operation => new Case(Name, operation, 0, 1, 1));

    public override async Task StartAsync(Session session, RunOptions options)
    {
        var rsh = "ssh";
        AddProgram("borgstore-server-rest", Role.Ours, new()
        {
            // Until it has said that there is no such store.
            ["server"] = $@"printf 'GET /data/none HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.x.borgstore.rest.v1\r\n\r\n' | dotnet '{Session.ModuleServer}' --stdio --backend 'FILE:{session.NewPath("served")}' | head -n 1 | grep -q 410",
        });
        if (Session.Pwsh is not { } pwsh)
        {
            session.LeaveOut("pwsh is not installed, so that the starts of the module are left out; PWSH names another one.");
            return;
        }
        var opened = new Dictionary<string, string> { ["module"] = "", ["file"] = new Uri(session.NewPath("store")).AbsoluteUri };
        if (Session.FindProgram("rclone") is not null) opened["rclone"] = "rclone:" + session.NewPath("store");
        if (OpenSshServer.Instance is { Missing: null } ssh)
        {
            rsh = $"ssh -o {string.Join(" -o ", ssh.Options)}";
            opened["ssh"] = $"sftp://{Environment.UserName}@127.0.0.1:{ssh.Port}/{session.NewPath("store")}";
        }
        if (await S3Place.StartServerAsync(session) is { } s3) opened["s3"] = s3.UrlOf("start");
        AddProgram(Bare, Role.Floor, opened.ToDictionary(store => store.Key, _ => $"exec '{pwsh}' -NoProfile -NonInteractive -Command 1"));
        AddProgram(Names.Pipeline, Role.Ours, opened.ToDictionary(store => store.Key, store => $"exec '{pwsh}' -NoProfile -NonInteractive -Command \"Import-Module '{Session.Module}'"
            + (store.Value.Length == 0 ? "\"" : $"; Open-BorgStore '{store.Value}' -Namespace @{{ data = 0 }} -Create | Close-BorgStore\"")));

        void AddProgram(string name, Role role, Dictionary<string, string> commands)
        {
            commands["clear"] = "true";
            session.Add(new ProgramSubject(name, role, _ => true, session.NewPath("program"), commands, new Dictionary<string, string> { ["BORGSTORE_RSH"] = rsh }));
        }
    }
}
