namespace BorgStore.Caching;

/// <content>What is done in the background: learning what is cached, removing what is too old, writing down accesses.</content>
internal sealed partial class CachingBackend
{
    private static readonly TimeSpan LongestUpkeepInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestUpkeepInterval = TimeSpan.FromMilliseconds(250);

    // What a crash leaves unwritten matters little, and what was asked for since the opening is written as a whole.
    private static readonly TimeSpan JournalInterval = TimeSpan.FromMinutes(10);

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        try
        {
            var journal = await ReadJournalAsync(cancellationToken).ConfigureAwait(false);
            foreach (var ns in _namespaces.Values) await ns.ListAsync(journal, IsOwn, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            // Without it no limit could be kept.
            _cache.Disable(e);
        }
    }

    private async Task KeepUpAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _listing.ConfigureAwait(false);
            await RemoveLeftoversAsync(cancellationToken).ConfigureAwait(false);
            var shortestAge = _namespaces.Values.Min(ns => ns.Policy.MaxAge) ?? LongestUpkeepInterval;
            var interval = TimeSpan.FromTicks(Math.Clamp(shortestAge.Ticks / 4, ShortestUpkeepInterval.Ticks, LongestUpkeepInterval.Ticks));
            var written = NowInMilliseconds;
            while (_cache.IsUsable)
            {
                await WaitAsync(interval, cancellationToken).ConfigureAwait(false);
                foreach (var ns in _namespaces.Values)
                    if (ns.NeedsRelisting) await RelistAsync(ns, cancellationToken).ConfigureAwait(false);
                    else await ns.MakeRoomAsync().ConfigureAwait(false);
                if (NowInMilliseconds - written < JournalInterval.TotalMilliseconds) continue;
                await WriteJournalAsync(cancellationToken).ConfigureAwait(false);
                written = NowInMilliseconds;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            _cache.Report(e);
        }
    }

    private async Task WaitAsync(TimeSpan interval, CancellationToken cancellationToken)
    {
        try
        {
            await _relistingDue.Task.WaitAsync(interval, cancellationToken).ConfigureAwait(false);
            _relistingDue = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        catch (TimeoutException)
        {
            // Nothing is due before its time.
        }
    }

    // What fails is tried again after as much was added once more; until then the limits are kept for what is known.
    private async Task RelistAsync(CachedNamespace ns, CancellationToken cancellationToken)
    {
        try
        {
            await ns.RelistAsync(IsOwn, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _cache.Report(e);
        }
    }

    private async Task EndUpkeepAsync()
    {
        // A use that added nothing needs no listing to keep the limits; one that did would otherwise leave more each time.
        if (_cache.IsUsable && _namespaces.Values.Any(ns => ns.Policy.IsLimited && ns.HasAdded)) await _listing.ConfigureAwait(false);
        await _closing.CancelAsync().ConfigureAwait(false);
        await _listing.ConfigureAwait(false);
        await _upkeep.ConfigureAwait(false);
        if (!_cache.IsUsable) return;
        foreach (var ns in _namespaces.Values) await ns.MakeRoomAsync().ConfigureAwait(false);
        await WriteJournalAsync(CancellationToken.None).ConfigureAwait(false);
    }

    // Whatever goes wrong with the journal, the times of the storage have to do instead.
    private async Task<Dictionary<ulong, uint>> ReadJournalAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _journal.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return [];
        }
    }

    private async Task WriteJournalAsync(CancellationToken cancellationToken)
    {
        var limited = _namespaces.Values.Where(ns => ns.Index is not null).ToArray();
        var records = new List<(ulong Hash, uint Time)>();
        foreach (var ns in limited) ns.CollectSince(_accessesSince, records);
        if (records.Count == 0) return;
        try
        {
            if (_journal.IsDueForRenewal(limited.Sum(ns => (long)ns.Index!.Count), records.Count) && limited.All(ns => ns.IsListed))
            {
                records.Clear();
                var now = NowInMilliseconds;
                foreach (var ns in limited) ns.CollectSince(0, records);
                await _journal.RenewAsync(records, cancellationToken).ConfigureAwait(false);
                _accessesSince = now;
            }
            else
            {
                await _journal.WriteAsync(records, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A cache that keeps no hidden items, or is read-only, goes without.
        }
    }

    private async Task RemoveLeftoversAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _cache.Backend.ListTemporaryAsync(AgeOfLeftovers, cancellationToken).ConfigureAwait(false))
                await _cache.Backend.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Not every storage knows of unfinished values, and in a read-only one they stay.
        }
    }
}
