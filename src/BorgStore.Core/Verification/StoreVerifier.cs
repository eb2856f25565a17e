using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Verification;

/// <summary>Verifies a store: values against their keys, files against the layout, and what should be there against what is.</summary>
/// <remarks>
/// <para>Each value is read once, in the storage itself if it can hash. The results are taken in the order of the
/// listing, so that a single name says how far a run came, however many values are checked at a time.</para>
/// <para>A storage that fails for one item is a finding; one that cannot be reached ends the run with an exception.</para>
/// </remarks>
public sealed class StoreVerifier
{
    // Small items are counted as if they were this much larger, because they take time too [bytes].
    private const int ItemWeight = 4096;

    // Enough to keep all workers busy while one of them checks a large value.
    private const int JobsAhead = 1024;

    private const int RemoteParallelism = 16;

    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(5);

    private readonly Store _store;
    private readonly VerificationOptions _options;
    private readonly List<NamespaceLayout> _namespaces;
    private readonly VerificationCounts _counts = new();
    private readonly Stopwatch _time = new();
    private readonly VerificationState _state;

    /// <summary>Initializes a verification.</summary>
    /// <param name="store">The open store.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="StoreException">An option is invalid, or the state file is that of another store.</exception>
    public StoreVerifier(Store store, VerificationOptions? options = null)
    {
        (_store, _options) = (store, options ?? new());
        if (_options.Percent is <= 0 or > 100 or double.NaN)
            throw new StoreException(StoreError.InvalidArgument, $"The percentage to verify is {_options.Percent}. Specify a number above 0 and up to 100.");
        if (_options.MaxDuration <= TimeSpan.Zero)
            throw new StoreException(StoreError.InvalidArgument, "The maximum duration of a verification must be more than zero.");
        if (_options.Parallelism < 1)
            throw new StoreException(StoreError.InvalidArgument, "At least one value must be checked at a time.");
        if (store.Layout.Namespaces.Count == 0)
            throw new StoreException(StoreError.LayoutUnknown,
                $"There is nothing to verify in the store '{store.Url}': it is empty. Check that its file system is mounted, or open it with its namespaces, as in -Namespace @{{ data = 2 }}.", store.Url);
        var selected = _options.Namespaces?.Select(name => store.GetRequiredNamespace(name).Name).ToHashSet(StringComparer.Ordinal);
        _namespaces = [.. store.Layout.Namespaces.Where(ns => selected?.Contains(ns.Name) ?? true)];
        var names = selected is null ? null : _namespaces.ConvertAll(ns => ns.Name);
        _state = _options.StateFile is { } file ? VerificationState.Load(file, store.Url, names) : new() { Store = store.Url, Namespaces = names };
    }

    /// <summary>What was done and found so far.</summary>
    public VerificationSummary Summary => new(_counts, _state.Counts, _state.Started, _time.Elapsed, _state.Completed is not null, _state.FindsMissing);

    /// <summary>Verifies the store, or the next part of it. To be called once.</summary>
    /// <param name="cancellationToken">A token to cancel the operation; the state file then says how far it came.</param>
    /// <returns>The problems, as they are found.</returns>
    public async IAsyncEnumerable<VerificationFinding> FindProblemsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        _time.Start();
        // Saved first, so that a file that cannot be written does not cost a night.
        Save();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var jobs = Channel.CreateBounded<Job>(new BoundedChannelOptions(JobsAhead) { SingleReader = true });
        var work = Channel.CreateUnbounded<Job>();
        var running = RunAsync(jobs.Writer, work, stop.Token);
        try
        {
            var saved = _time.Elapsed;
            await foreach (var job in jobs.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                // Results that the caller has received count; the next run repeats the others.
                foreach (var finding in await job.Result.WaitAsync(cancellationToken).ConfigureAwait(false)) yield return finding;
                Count(job);
                if (_time.Elapsed - saved < SaveInterval) continue;
                Save();
                saved = _time.Elapsed;
            }
            await running.ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _time.Stop();
            Save();
        }
    }

    private void Save()
    {
        if (_options.StateFile is { } file) _state.Save(file);
    }

    private void Count(Job job)
    {
        foreach (var finding in job.Result.Result)
        {
            _counts.Add(finding.Problem);
            _state.Counts.Add(finding.Problem);
        }
        if (job.Checked is { } isCheckable)
        {
            _counts.AddItem(job.Size, isCheckable);
            _state.Counts.AddItem(job.Size, isCheckable);
        }
        job.Advance(_state);
    }

    // Lists the store and has the items checked. Both queues are closed however it ends.
    private async Task RunAsync(ChannelWriter<Job> jobs, Channel<Job> work, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workers = Array.Empty<Task>();
        try
        {
            var borg = await _store.FindBorgRepositoryAsync(cancellationToken).ConfigureAwait(false);
            var verifier = new ItemVerifier(_store, borg);
            workers = [.. Enumerable.Range(0, _options.Parallelism ?? DefaultParallelism).Select(_ => Task.Run(() => WorkAsync(work.Reader, verifier, failed.Token), CancellationToken.None))];
            await foreach (var job in ListJobsAsync(borg, verifier, cancellationToken).ConfigureAwait(false))
            {
                await jobs.WriteAsync(job, cancellationToken).ConfigureAwait(false);
                if (!job.Result.IsCompleted) await work.Writer.WriteAsync(job, cancellationToken).ConfigureAwait(false);
            }
            work.Writer.TryComplete();
            await Task.WhenAll(workers).ConfigureAwait(false);
            jobs.TryComplete();
        }
        catch (Exception e)
        {
            await failed.CancelAsync().ConfigureAwait(false);
            work.Writer.TryComplete();
            await Task.WhenAll(workers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            jobs.TryComplete(e);
            throw;
        }
    }

    private int DefaultParallelism => StoreUrl.GetScheme(_store.Url) == "file" ? Environment.ProcessorCount : Math.Max(RemoteParallelism, Environment.ProcessorCount);

    private async Task WorkAsync(ChannelReader<Job> work, ItemVerifier verifier, CancellationToken cancellationToken)
    {
        await foreach (var job in work.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await job.CheckAsync(verifier, cancellationToken).ConfigureAwait(false)) _options.ItemChecked?.Invoke(job.Size);
        }
    }

    // The parts of a pass in their order. A job without an item is done when it is listed.
    private async IAsyncEnumerable<Job> ListJobsAsync(BorgRepository? borg, ItemVerifier verifier, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var places = new PlaceCheck(_store.Layout, borg);
        if (!_state.IsStoreChecked)
        {
            var (findings, findsMissing) = await CheckStoreAsync(places, borg, cancellationToken).ConfigureAwait(false);
            yield return new(findings, state => (state.IsStoreChecked, state.FindsMissing) = (true, findsMissing));
        }
        var budget = await PlanAsync(cancellationToken).ConfigureAwait(false);
        foreach (var ns in _namespaces)
        {
            if (_state.Namespace is { } reached && string.CompareOrdinal(ns.Name, reached) < 0) continue;
            var after = ns.Name == _state.Namespace ? _state.Position : null;
            await foreach (var entry in new NamespaceWalk(_store, places, ns).WalkAsync(after, cancellationToken).ConfigureAwait(false))
            {
                if (!budget.Takes(entry.Size)) continue;
                if (budget.IsUsedUp(_time.Elapsed)) yield break;
                budget.Use(entry.Size);
                yield return await CreateJobAsync(ns, entry, places, verifier, cancellationToken).ConfigureAwait(false);
            }
        }
        if (!budget.IsSample) yield return new([], state => state.Completed = DateTime.UtcNow);
    }

    private static async ValueTask<Job> CreateJobAsync(
        NamespaceLayout ns, WalkEntry entry, PlaceCheck places, ItemVerifier verifier, CancellationToken cancellationToken)
    {
        if (entry.Finding is { } known) return new([known], Advance);
        var (item, finding) = places.CheckFile(ns, entry.Position.Path, entry.Size);
        // A stray file in a namespace with nested keys is why the levels of the namespace were not recognised.
        var isSuspicious = finding is not null || (!ns.IsKnown && ns.WriteLevel > 0 && !entry.Position.Path.Contains('/'));
        if (isSuspicious && item is { } found && await verifier.IsForeignAsync(found, cancellationToken).ConfigureAwait(false))
            return new([PlaceCheck.CreateForeign(found.Path, found.Size)], Advance);
        return item is { } toCheck ? new(toCheck, finding, Advance) : new([finding!], Advance);

        void Advance(VerificationState state) => state.Advance(ns.Name, entry.Position);
    }

    private async Task<(List<VerificationFinding> Findings, bool FindsMissing)> CheckStoreAsync(PlaceCheck places, BorgRepository? borg, CancellationToken cancellationToken)
    {
        var findings = new List<VerificationFinding>();
        var findsMissing = false;
        if (_options.Namespaces is null)
        {
            await CheckRootAsync(places, findings, cancellationToken).ConfigureAwait(false);
            await FindLeftOversAsync(findings, cancellationToken).ConfigureAwait(false);
        }
        if (borg is not null && (_options.Namespaces is null || _namespaces.Exists(ns => ns.Name is "packs" or "data")))
        {
            var missing = new MissingItems(_store);
            try
            {
                findings.AddRange(await missing.FindAsync(cancellationToken).ConfigureAwait(false));
                findsMissing = missing.KnowsExpected;
            }
            catch (StoreException e) when (ItemVerifier.ConcernsOneItem(e))
            {
                // Unreadable items are reported when the walk reaches them.
            }
        }
        return (findings, findsMissing);
    }

    private async Task CheckRootAsync(PlaceCheck places, List<VerificationFinding> findings, CancellationToken cancellationToken)
    {
        // Everything else in the root belongs to the namespace without a name, whose walk checks it.
        if (_store.Layout.FindNamespace("") is not null) return;
        var known = _store.Layout.Namespaces.Select(ns => ns.Name.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        try
        {
            await foreach (var item in _store.Storage.ListAsync("", ListScope.RawLevel, cancellationToken).ConfigureAwait(false))
            {
                var isKnown = item.IsDirectory ? known.Contains(item.Name) || SystemFolders.IsFileSystemFolder(item.Name)
                    : item.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal) || item.Name.EndsWith(Suffixes.Hidden, StringComparison.Ordinal);
                if (!isKnown) findings.Add(places.CheckOutside(item.Name, item.IsDirectory ? null : item.Size));
            }
        }
        catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
        {
            findings.Add(new(_store.Url, VerificationProblem.Unreadable, e.Message));
        }
    }

    private async Task FindLeftOversAsync(List<VerificationFinding> findings, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _store.ListTemporaryAsync(_options.LeftOverAge, cancellationToken).ConfigureAwait(false))
                findings.Add(new(item.Id, VerificationProblem.LeftOver,
                    $"It was last written to at {item.LastWriteTime:u} and never finished, and only takes up space. Clear-BorgStoreTemporary removes it.", Size: item.Size));
        }
        catch (StoreException e) when (e.Error is StoreError.NotSupported or StoreError.PermissionDenied || UnreadableDirectories.CanGoOnAfter(e))
        {
            // Some servers do not show such files, and directories that cannot be read are reported when their turn comes.
        }
    }

    // What this run may check. A percentage is that of the store at the beginning of the pass.
    private async Task<Budget> PlanAsync(CancellationToken cancellationToken)
    {
        if (_options.Percent is not { } percent) return new(_options.MaxDuration, null, null);
        if (_options.StateFile is null) return new(_options.MaxDuration, null, percent / 100);
        if (_state.Weight is null)
        {
            var weight = 0L;
            foreach (var ns in _namespaces)
                await foreach (var item in _store.ListAsync(ns.Name, ItemSelection.All, cancellationToken).ConfigureAwait(false)) weight += ItemWeight + item.Size;
            _state.Weight = weight;
        }
        return new(_options.MaxDuration, (long)Math.Ceiling(_state.Weight.Value * (percent / 100)), null);
    }

    /// <summary>How much of the store a run checks.</summary>
    private sealed class Budget(TimeSpan? time, long? weight, double? share)
    {
        private long _used;

        /// <summary>Whether items are chosen at random.</summary>
        public bool IsSample => share is < 1;

        public bool Takes(long size) => share is null || Random.Shared.NextDouble() < share || size < 0;

        // Every run checks something, so that runs of any length come to an end.
        public bool IsUsedUp(TimeSpan elapsed) => _used > 0 && (elapsed >= time || _used >= weight);

        public void Use(long size) => _used += ItemWeight + size;
    }

    /// <summary>A step of a pass: an item to check, or what is already known.</summary>
    private sealed class Job
    {
        private readonly TaskCompletionSource<IReadOnlyList<VerificationFinding>> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ListedItem _item;
        private readonly VerificationFinding? _ofPlace;

        public Job(IReadOnlyList<VerificationFinding> findings, Action<VerificationState> advance)
        {
            Advance = advance;
            _result.SetResult(findings);
        }

        public Job(ListedItem item, VerificationFinding? ofPlace, Action<VerificationState> advance)
            => (_item, _ofPlace, Size, Advance) = (item, ofPlace, item.Size, advance);

        /// <summary>Records in the state that the step was done.</summary>
        public Action<VerificationState> Advance { get; }

        public long Size { get; }

        /// <summary>Whether the value could be compared with its key; <see langword="null"/> if no value was read.</summary>
        public bool? Checked { get; private set; }

        public Task<IReadOnlyList<VerificationFinding>> Result => _result.Task;

        /// <summary>Checks the item.</summary>
        /// <returns>Whether it was there.</returns>
        public async Task<bool> CheckAsync(ItemVerifier verifier, CancellationToken cancellationToken)
        {
            try
            {
                var (wasThere, isCheckable, finding) = await verifier.CheckAsync(_item, cancellationToken).ConfigureAwait(false);
                if (wasThere) Checked = isCheckable;
                _result.SetResult(!wasThere ? [] : [.. new[] { _ofPlace, finding }.OfType<VerificationFinding>()]);
                return wasThere;
            }
            catch (Exception e)
            {
                _result.SetException(e);
                throw;
            }
        }
    }
}
