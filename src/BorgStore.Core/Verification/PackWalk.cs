using System.Buffers.Binary;
using System.Globalization;
using BorgStore.Backends;

namespace BorgStore.Verification;

/// <summary>Walks the headers of the objects in a pack of Borg 2, to find out in which way it is damaged.</summary>
/// <remarks>An object is <c>BORG_OBJ</c>, a version (1 byte), an id (32), the sizes of its metadata and its data (4 each, little
/// endian), and those. A pack is a run of objects without anything before, between or after them.</remarks>
internal static class PackWalk
{
    private const int HeaderSize = 49;
    private const int MetadataSizeOffset = 41;
    private const int DataSizeOffset = 45;

    // Small objects follow one another closely, so that one read has the headers of many.
    private const int WindowSize = 64 * 1024;

    // Borg's own limit is 20 MiB for the data; a header with more has been damaged itself.
    private const long MaxObjectSize = 64L << 20;

    private static ReadOnlySpan<byte> Magic => "BORG_OBJ"u8;

    /// <summary>Describes the damage of a pack whose hash is wrong.</summary>
    /// <param name="storage">The storage.</param>
    /// <param name="path">The nested name of the pack.</param>
    /// <param name="size">Its size [bytes].</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The kind of damage and how it shows, as a sentence.</returns>
    public static async ValueTask<(VerificationProblem Problem, string Reason)> DescribeAsync(
        IBackend storage, string path, long size, CancellationToken cancellationToken)
    {
        if (size == 0) return (VerificationProblem.Truncated, "The pack is empty.");
        var window = Array.Empty<byte>();
        long windowStart = 0, offset = 0;
        for (var number = 1L; offset < size; number++)
        {
            var at = Format($"object {number} of the pack begins at byte {offset:n0}");
            if (size - offset < HeaderSize)
                return (VerificationProblem.Truncated, Format($"The pack ends after {size:n0} bytes, inside a header: {at}."));
            if (offset + HeaderSize > windowStart + window.Length)
            {
                windowStart = offset;
                window = await LoadAsync(storage, path, new(offset, Math.Min(WindowSize, size - offset)), cancellationToken).ConfigureAwait(false);
                if (window.Length < HeaderSize) return (VerificationProblem.Truncated, Format($"The pack has become shorter than {size:n0} bytes while it was read."));
            }
            if (ReadObjectSize(window.AsSpan((int)(offset - windowStart))) is not { } length)
                return (VerificationProblem.Damaged, Format($"There is no valid header where {at}."));
            if (offset + length > size)
                return (VerificationProblem.Truncated, Format($"The pack ends after {size:n0} bytes, but {at} and ends at byte {offset + length:n0}."));
            offset += length;
        }
        return (VerificationProblem.Damaged, "The headers of all objects in the pack are whole, so bytes inside an object have changed, or whole objects at its end are missing.");
    }

    private static long? ReadObjectSize(ReadOnlySpan<byte> header)
    {
        if (!header.StartsWith(Magic)) return null;
        var length = HeaderSize + (long)BinaryPrimitives.ReadUInt32LittleEndian(header[MetadataSizeOffset..])
            + BinaryPrimitives.ReadUInt32LittleEndian(header[DataSizeOffset..]);
        return length <= MaxObjectSize ? length : null;
    }

    private static async ValueTask<byte[]> LoadAsync(IBackend storage, string path, ByteRange range, CancellationToken cancellationToken)
    {
        if (await storage.LoadAsync(path, range, cancellationToken).ConfigureAwait(false) is not { } value) return [];
        await using (value.ConfigureAwait(false)) return await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
