using System.Buffers;

namespace BorgStore.Backends.S3;

/// <summary>Bounds the memory of all parts in flight in the process, whatever number of values moves at once.</summary>
/// <remarks>Uploads and loads have buffers of their own: a value that is copied from one store to the other needs both, and one kind never
/// waits for the other.</remarks>
/// <param name="capacity">How much memory [bytes]. The parts of a very large value may each be larger: such a part has all of it.</param>
internal sealed class PartBuffers(int capacity)
{
    private readonly Credits _free = new(capacity);

    /// <summary>The buffers of parts on their way to a server.</summary>
    public static PartBuffers Uploads { get; } = new(12 * PartSizes.Ordinary);

    /// <summary>The buffers of parts that are loaded ahead of their reader.</summary>
    public static PartBuffers Loads { get; } = new(12 * PartSizes.Ordinary);

    /// <summary>Waits for room for a part.</summary>
    /// <param name="size">Its size [bytes].</param>
    /// <param name="cancellationToken">A token to cancel the wait.</param>
    public async ValueTask<Lease> RentAsync(int size, CancellationToken cancellationToken)
    {
        await _free.TakeAsync(ShareOf(size), cancellationToken).ConfigureAwait(false);
        return new(this, size);
    }

    /// <summary>Takes room for a part where there is some now.</summary>
    /// <param name="size">Its size [bytes].</param>
    public Lease? TryRent(int size) => _free.TryTake(ShareOf(size)) ? new(this, size) : null;

    private int ShareOf(int size) => Math.Min(size, capacity);

    /// <summary>A buffer in use.</summary>
    internal sealed class Lease(PartBuffers owner, int size) : IDisposable
    {
        private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(size);

        public Memory<byte> Memory => _bytes.AsMemory(0, size);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, null) is not { } bytes) return;
            ArrayPool<byte>.Shared.Return(bytes);
            owner._free.Return(owner.ShareOf(size));
        }
    }
}
