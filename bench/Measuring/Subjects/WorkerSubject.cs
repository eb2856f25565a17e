using System.Diagnostics;
using System.Globalization;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>A process that stays and serves requests on stdin, as <c>tests/Storm/WorkLoop.cs</c> describes them.</summary>
internal sealed class WorkerSubject : Subject
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private readonly ProcessStartInfo _start;
    private Process? _process;

    /// <summary>Initializes a subject; the process starts with its first measurement.</summary>
    public WorkerSubject(string name, Role role, Func<Case, bool> does, ProcessStartInfo start)
        : base(name, role, does)
    {
        _start = start;
        _start.RedirectStandardInput = _start.RedirectStandardOutput = true;
    }

    public override bool NeedsWarmUp => Role != Role.Floor;

    /// <summary>The running process.</summary>
    /// <exception cref="SubjectException">It is not running.</exception>
    public Process Process => _process ?? throw new SubjectException($"{Name} is not running.");

    public override async Task<Measurement> MeasureAsync(Case @case, TimeSpan least)
    {
        if (_process is null)
        {
            _process = Process.Start(_start)!;
            if (await ReadAsync() is var greeting && greeting != "ready") throw End(greeting);
        }
        try
        {
            await _process.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{@case.Operation} {@case.Size} {@case.Concurrency} {@case.Count} {(long)least.TotalMilliseconds}"));
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            throw End($"{Name} ended, with what it wrote above.");
        }
        var answer = await ReadAsync();
        if (answer.Split(' ') is not ["ok", var time, var allocated, var requests])
            throw new SubjectException(answer.StartsWith("no ", StringComparison.Ordinal) ? answer[3..] : answer);
        return new(Number(time), Known(allocated), Known(requests));

        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

        static long? Known(string text) => Number(text) is >= 0 and var number ? (long)number : null;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_process is null) return;
        try
        {
            _process.StandardInput.Close();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }
        _process.Dispose();
    }

    private async Task<string> ReadAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            return await _process!.StandardOutput.ReadLineAsync(limit.Token) ?? throw End($"{Name} ended, with what it wrote above.");
        }
        catch (OperationCanceledException)
        {
            throw End($"{Name} did not answer within {Patience.TotalMinutes} minutes.");
        }
    }
}
