using BorgStore.Verification;

namespace BorgStore.Server.Page;

/// <summary>How a verification stands.</summary>
internal enum VerificationStage
{
    /// <summary>It waits for another one to end.</summary>
    Waiting,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>It has come to the end of the store.</summary>
    Complete,

    /// <summary>A user, or the end of the server, has stopped it.</summary>
    Stopped,

    /// <summary>It could not go on.</summary>
    Failed,
}

/// <summary>Verifies a store in the background, and keeps the result of the last run.</summary>
/// <param name="open">Opens the store.</param>
/// <param name="turns">Limits the verifications that run at a time, of all stores.</param>
/// <param name="stopping">Canceled when the server stops.</param>
internal sealed class StoreVerification(Func<CancellationToken, Task<Store>> open, SemaphoreSlim turns, CancellationToken stopping)
{
    private readonly Lock _lock = new();
    private Run? _last;

    /// <summary>Starts a verification.</summary>
    /// <param name="expected">What the store was last counted to have, to estimate how far it is.</param>
    /// <returns>Whether it was started; <see langword="false"/> if one is running.</returns>
    public bool TryStart(CountedItems? expected)
    {
        lock (_lock)
        {
            if (_last is { IsRunning: true }) return false;
            _last = new(open, turns, expected, stopping);
            return true;
        }
    }

    /// <summary>Stops the running verification, if there is one.</summary>
    public void Stop() => GetLast()?.Stop();

    /// <summary>Completes when the last verification has ended.</summary>
    public Task Completion => GetLast()?.Completion ?? Task.CompletedTask;

    /// <summary>Returns how the last verification stands, or <see langword="null"/> if there was none.</summary>
    /// <param name="withFindings">Whether to add the problems found.</param>
    public VerificationView? Get(bool withFindings) => GetLast()?.Get(withFindings);

    private Run? GetLast()
    {
        lock (_lock) return _last;
    }

    /// <summary>One verification.</summary>
    private sealed class Run
    {
        private const int MaxFindings = 500;

        private readonly Lock _lock = new();
        private readonly List<VerificationFinding> _findings = [];
        private readonly DateTime _started = DateTime.UtcNow;
        private readonly CountedItems? _expected;
        private readonly CancellationTokenSource _stop;
        private StoreVerifier? _verifier;
        private VerificationStage _stage = VerificationStage.Waiting;
        private DateTime? _ended;
        private string? _error;

        public Run(Func<CancellationToken, Task<Store>> open, SemaphoreSlim turns, CountedItems? expected, CancellationToken stopping)
        {
            _expected = expected;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            Completion = Task.Run(() => RunAsync(open, turns), CancellationToken.None);
        }

        public Task Completion { get; }

        public bool IsRunning
        {
            get
            {
                lock (_lock) return _ended is null;
            }
        }

        public void Stop()
        {
            lock (_lock)
                if (_ended is null) _stop.Cancel();
        }

        public VerificationView Get(bool withFindings)
        {
            lock (_lock)
            {
                var summary = _verifier?.Summary;
                var problems = Math.Max(summary?.Run.Problems ?? 0, _findings.Count);
                return new(_stage.ToString().ToLowerInvariant(), _started, _ended, summary?.Duration.TotalSeconds ?? 0, summary?.Run.Items ?? 0, summary?.Run.Bytes ?? 0,
                    _expected is null ? null : _expected.Items + _expected.DeletedItems, _expected is null ? null : _expected.Bytes + _expected.DeletedBytes,
                    problems, _error, withFindings ? [.. _findings.Select(finding => new FindingView(finding.Problem.ToString(), finding.Name, finding.Reason))] : null);
            }
        }

        private async Task RunAsync(Func<CancellationToken, Task<Store>> open, SemaphoreSlim turns)
        {
            try
            {
                await turns.WaitAsync(_stop.Token);
                try
                {
                    await VerifyAsync(open);
                }
                finally
                {
                    turns.Release();
                }
                End(VerificationStage.Complete);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                End(VerificationStage.Stopped);
            }
            catch (Exception e)
            {
                End(VerificationStage.Failed, e.Message);
            }
        }

        private async Task VerifyAsync(Func<CancellationToken, Task<Store>> open)
        {
            await using var store = await open(_stop.Token);
            var verifier = new StoreVerifier(store);
            lock (_lock) (_verifier, _stage) = (verifier, VerificationStage.Running);
            await foreach (var finding in verifier.FindProblemsAsync(_stop.Token))
                lock (_lock)
                    if (_findings.Count < MaxFindings) _findings.Add(finding);
        }

        private void End(VerificationStage stage, string? error = null)
        {
            lock (_lock)
            {
                (_stage, _error, _ended) = (stage, error, DateTime.UtcNow);
                _stop.Dispose();
            }
        }
    }
}
