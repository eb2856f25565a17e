using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>A folder through rclone, compared with the Python package and <c>rclone copy</c>.</summary>
internal sealed class RclonePlace : Place
{
    public override string Name => "rclone";

    public override TimeSpan Budget => TimeSpan.FromSeconds(110);

    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.1);

    public override Task StartAsync(Session session, RunOptions options)
    {
        if (!session.Has("rclone")) return Task.CompletedTask;
        session.AddOurs(Url(), _ => true);
        session.AddPipeline(Url(), _ => true);
        // Each of its operations takes 50 ms and more, so the ones that aims are about suffice.
        session.AddPython(Url(), @case => @case.Size == KiB && @case.Operation is ("store" or "load" or "info" or "delete" or "list"), modules: "borgstore, requests", most: 5);
        session.Add(new ProgramSubject("rclone copy", Role.Peer, @case => @case.Size > 0, session.NewPath("program"), new()
        {
            ["store"] = "exec rclone copy --transfers $N \"$SRC\" \"$DATA\"",
            ["load"] = "exec rclone copy --transfers $N \"$DATA\" \"$OUT\"",
            ["list"] = "exec rclone lsf --format ps \"$DATA\"",
            ["clear"] = "exec rm -rf \"$DATA\"",
        }));
        return Task.CompletedTask;

        string Url() => "rclone:" + session.NewPath("store");
    }
}
