using System.Buffers;

namespace BorgStore.Backends.S3;

/// <summary>Bounds the memory of all parts in flight in the process, whatever number of values moves at once.</summary>
/// <remarks>Uploads and loads have buffers of their own: a value that is copied from one store to the other needs both, and one kind never
/// waits for the other.</remarks>
#pragma warning disable CA1001 // There are two, for the life of the process.
internal sealed class PartBuffers(int ordinaryParts)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _free = new(ordinaryParts, ordinaryParts);

    /// <summary>The buffers of parts on their way to a server.</summary>
    public static PartBuffers Uploads { get; } = new(12);

    /// <summary>The buffers of parts that are loaded ahead of their reader.</summary>
    public static PartBuffers Loads { get; } = new(12);

    /// <summary>Waits for room for a part.</summary>
    public async ValueTask<Lease> RentAsync(int size, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new(this, size);
    }

    /// <summary>Takes room for a part where there is some now.</summary>
    public Lease? TryRent(int size) => _free.Wait(0) ? new(this, size) : null;

    /// <summary>A buffer in use.</summary>
    internal sealed class Lease(PartBuffers owner, int size) : IDisposable
    {
        private byte[]? _bytes = ArrayPool<byte>.Shared.Rent(size);

        public Memory<byte> Memory => _bytes.AsMemory(0, size);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, null) is not { } bytes) return;
            ArrayPool<byte>.Shared.Return(bytes);
            owner._free.Release();
        }
    }
}
