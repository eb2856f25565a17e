using System.Diagnostics;

namespace BorgStore.Backends;

/// <summary>A limit on the bytes per second of all transfers that share it. They take turns in small pieces, so that the rate is smooth.</summary>
/// <param name="bytesPerSecond">The limit.</param>
internal sealed class RateLimit(long bytesPerSecond)
{
    private const int MinPiece = 1024;
    private const int MaxPiece = 64 * 1024;

    // The resolution of timers. Shorter waits are made up for by the next one.
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(5);

    private readonly object _lock = new();
    private long _free = Stopwatch.GetTimestamp();

    /// <summary>The number of bytes to transfer at a time: what a twentieth of a second allows.</summary>
    public int Piece { get; } = (int)Math.Clamp(bytesPerSecond / 20, MinPiece, MaxPiece);

    /// <summary>Reads a piece of a stream, no faster than the limit allows.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The number of bytes read; 0 at the end.</returns>
    public async ValueTask<int> ReadAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await stream.ReadAsync(buffer.Length <= Piece ? buffer : buffer[..Piece], cancellationToken).ConfigureAwait(false);
        await TakeAsync(read, cancellationToken).ConfigureAwait(false);
        return read;
    }

    /// <summary>Makes a value that is about to be stored keep to the limit.</summary>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">A token to cancel the wait.</param>
    /// <returns>The value to store. A small one is sent in one piece, after waiting for its turn.</returns>
    public async ValueTask<StoreValue> ApplyAsync(StoreValue value, CancellationToken cancellationToken)
    {
        if (!value.IsInMemory || value.Length > Piece) return value.LimitTo(this);
        await TakeAsync(value.Length, cancellationToken).ConfigureAwait(false);
        return value;
    }

    /// <summary>Waits until the line would be free again after this many bytes.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="cancellationToken">A token to cancel the wait.</param>
    public async ValueTask TakeAsync(long count, CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            // Time in which nothing was transferred is not made up for.
            _free = Math.Max(_free, now) + (long)(count * (double)Stopwatch.Frequency / bytesPerSecond);
            wait = Stopwatch.GetElapsedTime(now, _free);
        }
        if (wait >= MinWait) await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
    }
}
