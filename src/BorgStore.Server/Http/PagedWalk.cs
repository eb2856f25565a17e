using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>A walk through the files of a tree that continues from page to page.</summary>
internal sealed class PagedWalk : IAsyncDisposable
{
    // Not the token of a request, which ends before the walk does.
    private readonly CancellationTokenSource _cancellation = new();
    private readonly IAsyncEnumerator<ItemInfo> _files;
    private bool _isAhead;

    /// <summary>Starts a walk at a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="backend">The store.</param>
    public PagedWalk(TreePage page, IBackend backend)
    {
        Unreadable = page.TellsUnreadable ? new() : null;
        _files = page.WalkAsync(backend, Unreadable, _cancellation.Token).GetAsyncEnumerator(_cancellation.Token);
    }

    /// <summary>The directories of this page that cannot be read; <see langword="null"/> if the first of them fails the walk.</summary>
    public UnreadableDirectories? Unreadable { get; }

    /// <summary>The current file.</summary>
    public ItemInfo Current => _files.Current;

    /// <summary>Advances to the next file.</summary>
    /// <returns>Whether there is one.</returns>
    public ValueTask<bool> MoveNextAsync()
    {
        if (!_isAhead) return _files.MoveNextAsync();
        _isAhead = false;
        return new(true);
    }

    /// <summary>Ends a page before the current file, which becomes the first one of the next page.</summary>
    public void EndPage()
    {
        _isAhead = true;
        Unreadable?.Clear();
    }

    /// <summary>Cancels the walk when a request is aborted, until the result is disposed.</summary>
    public CancellationTokenRegistration CancelWith(CancellationToken cancellationToken)
        => cancellationToken.UnsafeRegister(static cancellation => ((CancellationTokenSource)cancellation!).Cancel(), _cancellation);

    public async ValueTask DisposeAsync()
    {
        await _files.DisposeAsync();
        _cancellation.Dispose();
    }
}
