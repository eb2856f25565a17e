using System.Buffers;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.S3.Values;

/// <summary>Limits the memory of all parts in flight in the process, however many values are transferred at once.</summary>
/// <remarks>Uploads and loads have separate buffers: copying a value from one store
/// to another needs both, and neither kind must wait for the other.</remarks>
/// <param name="capacity">The amount of memory [bytes]. A part of a very large value may exceed it, and then takes all of it.</param>
internal sealed class PartBuffers(int capacity)
{
    private readonly Credits _free = new(capacity);

    /// <summary>The buffers of parts being uploaded.</summary>
    public static PartBuffers Uploads { get; } = new(12 * PartSizes.DefaultPartSize);

    /// <summary>The buffers of parts that are loaded ahead of their reader.</summary>
    public static PartBuffers Loads { get; } = new(12 * PartSizes.DefaultPartSize);

    /// <summary>Waits for a buffer for a part.</summary>
    /// <param name="size">Its size [bytes].</param>
    /// <param name="cancellationToken">A token to cancel the wait.</param>
    public async ValueTask<Lease> RentAsync(int size, CancellationToken cancellationToken)
    {
        await _free.TakeAsync(ShareOf(size), cancellationToken).ConfigureAwait(false);
        return new(this, size);
    }

    /// <summary>Takes a buffer for a part if one is available now.</summary>
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
