using System.Buffers;

namespace BorgStore.Backends.Gathering;

/// <summary>Ranges of items as one stream. It is read in windows: while the caller reads one,
/// the next is filled, so that memory stays constant however many bytes are gathered.</summary>
internal sealed class GatherStream : ValueStream
{
    /// <summary>The window for a remote storage [bytes].</summary>
    public const int LargeWindow = 8 << 20;

    // Concurrent loads from a storage that can only load one range per request.
    private const int LoadsAtOnce = 16;

    private readonly GatherPlan _plan;
    private readonly IBackend _backend;
    private readonly PieceReader _read;
    private readonly WindowBudget.Lease _lease;
    private readonly CancellationTokenSource _disposing = new();
    private Window _current;
    private int _used;
    private Task<Window>? _next;
    private bool _isDisposed;

    private GatherStream(GatherPlan plan, IBackend backend, PieceReader read, int windowSize)
        => (_plan, _backend, _read, _lease) = (plan, backend, read, WindowBudget.Take((int)Math.Min(windowSize, plan.Length)));

    /// <inheritdoc/>
    public override long Length => _plan.Length;

    /// <summary>Gathers by loading each range separately, several at a time.</summary>
    /// <param name="backend">The storage.</param>
    /// <param name="blocks">The ranges.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <param name="loadsAtOnce">The number of concurrent loads.</param>
    public static ValueTask<ValueStream> OpenAsync(
        IBackend backend, IReadOnlyList<Block> blocks, CancellationToken cancellationToken, int loadsAtOnce = LoadsAtOnce)
        => OpenAsync(backend, blocks, (pieces, token) => LoadEachAsync(backend, pieces, loadsAtOnce, token), LargeWindow, cancellationToken);

    /// <summary>Opens the stream. When it returns, either everything is read or all ranges were found to exist.</summary>
    /// <param name="backend">The storage. It finds an item if an offset counts from the end, or if the bytes need more than one window, also after
    /// this has returned.</param>
    /// <param name="blocks">The ranges.</param>
    /// <param name="read">Reads pieces.</param>
    /// <param name="windowSize">The bytes to read at a time; at most twice as many are in memory.
    /// Windows are smaller while many streams are open; see <see cref="WindowBudget"/>.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async ValueTask<ValueStream> OpenAsync(
        IBackend backend, IReadOnlyList<Block> blocks, PieceReader read, int windowSize, CancellationToken cancellationToken)
    {
        var plan = await GatherPlan.MakeAsync(blocks, backend.FindAsync, cancellationToken).ConfigureAwait(false);
        if (plan.Length == 0) return new MemoryValueStream(default);
        var stream = new GatherStream(plan, backend, read, windowSize);
        try
        {
            var lease = stream._lease;
            if (plan.Length > lease.WindowSize) await plan.CheckAsync(backend.FindAsync, cancellationToken).ConfigureAwait(false);
            stream._current = await stream.ReadWindowAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return stream;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_used == _current.Length && HasMore && buffer.Length > 0) await AdvanceAsync(cancellationToken).ConfigureAwait(false);
        return Copy(buffer.Span);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _lease.Return();
            _current.Return();
            (_current, _used) = (default, 0);
            _disposing.Cancel();
            if (_next is { } next) _ = DropAsync(next);
            else _disposing.Dispose();
        }
        base.Dispose(disposing);
    }

    private bool HasMore => _next is not null || _plan.Left > 0;

    private int Copy(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var count = Math.Min(buffer.Length, _current.Length - _used);
        _current.Span.Slice(_used, count).CopyTo(buffer);
        _used += count;
        // Fill the next window while the caller processes this one.
        if (_next is null && _plan.Left > 0) _next = ReadWindowAsync(_disposing.Token);
        return count;
    }

    private async ValueTask AdvanceAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        // The fill continues if the caller cancels, and a later read can still use it.
        var window = await (_next ??= ReadWindowAsync(_disposing.Token)).WaitAsync(cancellationToken).ConfigureAwait(false);
        _next = null;
        _current.Return();
        (_current, _used) = (window, 0);
    }

    private async Task<Window> ReadWindowAsync(CancellationToken cancellationToken)
    {
        var window = new Window((int)Math.Min(_lease.WindowSize, _plan.Left));
        // After a failure the storage may still write to the buffer, so it is not returned to the pool.
        var pieces = _plan.FillWindow(window.Memory);
        var continued = _plan.Continued;
        await _read(pieces, cancellationToken).ConfigureAwait(false);
        if (continued is not null) await _plan.ThrowIfChangedAsync(continued, _backend.FindAsync, cancellationToken).ConfigureAwait(false);
        return window;
    }

    // The buffer is returned only when nothing writes to it any more.
    private async Task DropAsync(Task<Window> next)
    {
        await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (next.IsCompletedSuccessfully) (await next.ConfigureAwait(false)).Return();
        _disposing.Dispose();
    }

    private static async ValueTask LoadEachAsync(IBackend backend, IReadOnlyList<Piece> pieces, int atOnce, CancellationToken cancellationToken)
        => await Parallel.ForEachAsync(pieces, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellationToken }, async (piece, token) =>
        {
            var value = await backend.LoadAsync(piece.Name, new(piece.Offset, piece.Target.Length), token).ConfigureAwait(false) ?? throw piece.Missing();
            await using (value.ConfigureAwait(false))
            {
                if (value.Length != piece.Target.Length) throw piece.Outside(value.Length > 0 ? piece.Offset + value.Length : null);
                await value.ReadExactlyAsync(piece.Target, token).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);

    private readonly struct Window(int length)
    {
        private readonly byte[]? _bytes = ArrayPool<byte>.Shared.Rent(length);

        public int Length { get; } = length;

        public Memory<byte> Memory => _bytes.AsMemory(0, Length);

        public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

        public void Return()
        {
            if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
        }
    }
}
