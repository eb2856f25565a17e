using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>The walks through trees that wait for the request for their next page, so that all pages together read each directory once and look
/// at each item once.</summary>
/// <remarks>Only a few wait, and not for long. Without its walk, a page is found by the name that it starts after, past everything before it.</remarks>
/// <param name="max">The maximum number of waiting walks; another one replaces the oldest.</param>
/// <param name="lifetime">How long a walk waits.</param>
internal sealed class PagedWalks(int max, TimeSpan lifetime)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiting> _oldestFirst = new();

    /// <summary>Returns the walk of a page, which the caller then disposes or keeps for the next page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="backend">The store, for a new walk.</param>
    public PagedWalk Begin(TreePage page, IBackend backend)
    {
        lock (_lock)
        {
            foreach (var waiting in _oldestFirst)
                if (waiting.Page == page && TryRemove(waiting)) return waiting.Walk;
        }
        return new(page, backend);
    }

    /// <summary>Keeps a walk for its next page.</summary>
    /// <param name="page">The next page.</param>
    /// <param name="walk">The walk.</param>
    public void Keep(TreePage page, PagedWalk walk)
    {
        var waiting = new Waiting(page, walk);
        waiting.Expiry = new(_ => End(waiting), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Waiting? oldest;
        lock (_lock)
        {
            oldest = _oldestFirst.Count < max ? null : _oldestFirst.First?.Value;
            _oldestFirst.AddLast(waiting);
            waiting.Expiry.Change(lifetime, Timeout.InfiniteTimeSpan);
        }
        if (oldest is not null) End(oldest);
    }

    private void End(Waiting waiting)
    {
        lock (_lock)
            if (!TryRemove(waiting)) return;
        // Nobody waits for that, and a storage that is closed by now may refuse it.
        _ = waiting.Walk.DisposeAsync().AsTask();
    }

    private bool TryRemove(Waiting waiting)
    {
        waiting.Expiry.Dispose();
        return _oldestFirst.Remove(waiting);
    }

    private sealed class Waiting(TreePage page, PagedWalk walk)
    {
        public TreePage Page => page;

        public PagedWalk Walk => walk;

        public Timer Expiry { get; set; } = null!;
    }
}
