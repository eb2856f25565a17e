using System.Buffers;
using System.Diagnostics;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>Writes a value into an open file, with as many writes in flight as the connection allows.</summary>
internal static class Upload
{
    // Smaller values are sent without flow control: there are never enough of them to matter.
    private const int FreeSize = 32 * 1024;

    // What OpenSSH's server takes at most, and more than which gains nothing.
    private const int MaxWriteSize = 255 * 1024;

    /// <summary>Whether a value is so small that it is sent in one write, without waiting for anything.</summary>
    public static bool IsSentAtOnce(SftpConnection connection, StoreValue value)
        => value.IsInMemory && value.Length <= Math.Min(FreeSize, connection.Features.WriteSize);

    /// <summary>Writes a value.</summary>
    /// <returns>The server's first refusal, or a successful reply.</returns>
    public static async Task<Reply> WriteAsync(SftpConnection connection, byte[] handle, StoreValue value, CancellationToken cancellationToken)
    {
        if (IsSentAtOnce(connection, value))
        {
            return value.Length == 0
                ? default
                : await connection.SendAsync(new WriteRequest(handle, 0, value.Bytes)).ConfigureAwait(false);
        }

        var writes = new ReplyQueue();
        try
        {
            var refusal = value.IsInMemory
                ? await SendAsync(connection, handle, value.Bytes, writes, cancellationToken).ConfigureAwait(false)
                : await SendAsync(connection, handle, value, writes, cancellationToken).ConfigureAwait(false);
            while (writes.Count > 0)
            {
                var reply = await writes.DequeueAsync().ConfigureAwait(false);
                if (refusal.IsOk) refusal = reply;
            }
            return refusal;
        }
        catch
        {
            // The writes in flight use a handle that the caller closes next.
            await writes.DropAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<Reply> SendAsync(SftpConnection connection, byte[] handle, ReadOnlyMemory<byte> bytes,
        ReplyQueue writes, CancellationToken cancellationToken)
    {
        for (var offset = 0; offset < bytes.Length;)
        {
            var count = Math.Min(WriteSize(connection), bytes.Length - offset);
            if (await SendAsync(connection, new(handle, offset, bytes.Slice(offset, count)), writes, cancellationToken)
                .ConfigureAwait(false) is { IsOk: false } refusal) return refusal;
            offset += count;
        }
        return default;
    }

    private static async Task<Reply> SendAsync(SftpConnection connection, byte[] handle, StoreValue value,
        ReplyQueue writes, CancellationToken cancellationToken)
    {
        var stream = value.OpenStream();
        var buffer = ArrayPool<byte>.Shared.Rent(WriteSize(connection));
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                for (long offset = 0; offset < value.Length;)
                {
                    var count = (int)Math.Min(WriteSize(connection), value.Length - offset);
                    await stream.ReadExactlyAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    if (await SendAsync(connection, new(handle, offset, buffer.AsMemory(0, count)), writes, cancellationToken)
                        .ConfigureAwait(false) is { IsOk: false } refusal) return refusal;
                    offset += count;
                }
            }
            return default;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int WriteSize(SftpConnection connection) => Math.Min(connection.Features.WriteSize, MaxWriteSize);

    /// <summary>Sends one write when flow control allows, and checks the writes answered so far.</summary>
    private static async ValueTask<Reply> SendAsync(
        SftpConnection connection, WriteRequest request, ReplyQueue writes, CancellationToken cancellationToken)
    {
        await connection.Upload.TakeAsync(request.Bytes.Length, cancellationToken).ConfigureAwait(false);
        var departure = Stopwatch.GetTimestamp();
        var count = request.Bytes.Length;
        // Frees its share when the answer arrives, whether or not it is awaited yet.
        writes.Enqueue(connection.SendAsync(request, () =>
        {
            connection.UploadFlow.RecordArrival(count, departure);
            connection.Upload.Return(count, connection.UploadFlow.Window);
        }));
        while (writes.HasArrived)
        {
            var reply = await writes.DequeueAsync().ConfigureAwait(false);
            if (!reply.IsOk) return reply;
        }
        return default;
    }
}
