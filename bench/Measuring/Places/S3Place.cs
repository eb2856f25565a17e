using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;
using BorgStore.Tests.S3.Servers;
using Xunit.Sdk;

namespace BorgStore.Benchmarks.Measuring.Places;

/// <summary>An S3 server of its own (Ceph in memory), compared with rclone, the AWS command line, s3cmd and the Python package.</summary>
internal sealed class S3Place : Place
{
    public const string Rclone = "rclone copy";

    public override string Name => "s3";

    public override TimeSpan Budget => TimeSpan.FromSeconds(150);

    // The server keeps deleted large objects for a while, and has memory for few.
    public override IEnumerable<Case> Cases(RunOptions options) => Matrix(options, [1, 16], 0.1).Select(@case => @case.Size == 64 * MiB ? @case with { Count = 1 } : @case);

    public override async Task StartAsync(Session session, RunOptions options)
    {
        if (await StartServerAsync(session) is not { } server) return;
        session.AddOurs(server.UrlOf(session.NewName("store")), _ => true);
        session.AddPipeline(server.UrlOf(session.NewName("store")), _ => true);
        AddRclone(session, server, clears: true);
        var environment = new Dictionary<string, string>
        {
            ["AWS_ACCESS_KEY_ID"] = server.AccessKey,
            ["AWS_SECRET_ACCESS_KEY"] = server.SecretKey,
            ["AWS_ENDPOINT_URL_S3"] = server.Endpoint.ToString(),
            ["AWS_DEFAULT_REGION"] = "us-east-1",
            // This server does not know the checksums that are sent otherwise.
            ["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required",
        };
        session.AddPython(server.UrlOf(session.NewName("store")), @case => @case.Size is KiB or MiB, modules: "borgstore, boto3", environment: environment, most: 20);
        if (session.Has("aws"))
        {
            var at = $"s3://{CephServer.BucketName}/{session.NewName("aws")}";
            session.Add(new ProgramSubject("aws s3", Role.Peer, @case => @case.Concurrency == 16 && @case.Size == KiB, session.NewPath("program"), new()
            {
                ["store"] = $"exec aws s3 cp --only-show-errors --recursive \"$SRC\" {at}/$TURN",
                ["load"] = $"exec aws s3 cp --only-show-errors --recursive {at}/$TURN \"$OUT\"",
                ["clear"] = "true",
            }, environment));
        }
        if (session.Has("s3cmd"))
        {
            var (at, config) = ($"s3://{CephServer.BucketName}/{session.NewName("s3cmd")}", session.NewPath("s3cfg"));
            await File.WriteAllTextAsync(config, $"""
                [default]
                access_key = {server.AccessKey}
                secret_key = {server.SecretKey}
                host_base = {server.Endpoint.Authority}
                host_bucket = {server.Endpoint.Authority}
                use_https = False
                """);
            // It does one thing at a time.
            session.Add(new ProgramSubject("s3cmd", Role.Peer, @case => @case.Concurrency == 1 && @case.Size == KiB, session.NewPath("program"), new()
            {
                ["store"] = $"exec s3cmd --config {config} --quiet put --recursive \"$SRC/\" {at}/$TURN/",
                ["load"] = $"exec s3cmd --config {config} --quiet get --recursive {at}/$TURN/ \"$OUT/\"",
                ["clear"] = "true",
            }));
        }
    }

    /// <summary>Starts the server, or leaves it out.</summary>
    public static async Task<CephServer.Running?> StartServerAsync(Session session)
    {
        try
        {
            return await session.Own(new CephServer()).GetAsync();
        }
        catch (SkipException e)
        {
            session.LeaveOut(e.Message.Replace("$XunitDynamicSkip$", "", StringComparison.Ordinal));
            return null;
        }
    }

    public static void AddRclone(Session session, CephServer.Running server, bool clears)
    {
        if (!session.Has("rclone")) return;
        // Another place for each turn, since rclone would leave out what is there.
        var at = $"bench:{CephServer.BucketName}/{session.NewName("rclone")}/$TURN";
        session.Add(new ProgramSubject(Rclone, Role.Peer, _ => true, session.NewPath("program"), new()
        {
            ["store"] = $"exec rclone copy --transfers $N \"$SRC\" {at}",
            ["load"] = $"exec rclone copy --transfers $N {at} \"$OUT\"",
            ["list"] = $"exec rclone lsf --format ps {at}",
            ["delete"] = $"exec rclone delete --checkers $N {at}",
            ["clear"] = clears ? $"exec rclone delete --checkers 16 {at}" : "true",
        }, new Dictionary<string, string>
        {
            ["RCLONE_CONFIG"] = "/dev/null",
            ["RCLONE_CONFIG_BENCH_TYPE"] = "s3",
            ["RCLONE_CONFIG_BENCH_PROVIDER"] = "Ceph",
            ["RCLONE_CONFIG_BENCH_ENDPOINT"] = server.Endpoint.ToString(),
            ["RCLONE_CONFIG_BENCH_ACCESS_KEY_ID"] = server.AccessKey,
            ["RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY"] = server.SecretKey,
        }));
    }
}

/// <summary>Whole programs that store and load many values on S3, start included: pwsh with the module, and rclone.</summary>
internal sealed class S3WholePlace : Place
{
    public override string Name => "s3-whole";

    public override TimeSpan Budget => TimeSpan.FromSeconds(110);

    public override bool HasCosts => false;

    public override IEnumerable<Case> Cases(RunOptions options)
        => from count in options.IsQuick ? new[] { 1000 } : [1000, 4000, 10_000] from operation in new[] { "store", "load" } select new Case(Name, operation, KiB, 16, count);

    public override async Task StartAsync(Session session, RunOptions options)
    {
        if (await S3Place.StartServerAsync(session) is not { } server) return;
        // Removing many small values takes longer than storing them, and they need little memory.
        S3Place.AddRclone(session, server, clears: false);
        if (Session.Pwsh is not { } pwsh) return;
        var run = $"exec '{pwsh}' -NoProfile -NonInteractive -File '{Session.Peer("whole.ps1")}' '{Session.Module}' '{server.UrlOf(session.NewName("store"))}/'$TURN";
        session.Add(new ProgramSubject(Names.Pipeline, Role.Ours, _ => true, session.NewPath("program"), new()
        {
            ["store"] = $"{run} store \"$SRC\"",
            ["load"] = $"{run} load \"$OUT\"",
            ["clear"] = "true",
        }));
    }
}
