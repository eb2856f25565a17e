using System.Buffers;
using System.Diagnostics;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>Writes a value into an open file, with as many writes in flight as the connection allows.</summary>
internal static class Upload
{
    // Below this, values are sent without asking: there are never as many as would matter.
    private const int FreeSize = 32 * 1024;

    /// <summary>Writes a value.</summary>
    /// <returns>The first refusal of the server, or a reply that is fine.</returns>
    public static async Task<Reply> WriteAsync(SftpConnection connection, byte[] handle, StoreValue value, CancellationToken cancellationToken)
    {
        if (value.IsInMemory && value.Length <= Math.Min(FreeSize, connection.Features.WriteSize))
        {
            return value.Length == 0
                ? default
                : await connection.SendAsync(new WriteRequest(handle, 0, value.Bytes)).ConfigureAwait(false);
        }

        var writes = new Queue<Task<Reply>>();
        try
        {
            var refusal = value.IsInMemory
                ? await SendAsync(connection, handle, value.Bytes, writes, cancellationToken).ConfigureAwait(false)
                : await SendAsync(connection, handle, value, writes, cancellationToken).ConfigureAwait(false);
            while (writes.TryDequeue(out var write))
            {
                var reply = await write.ConfigureAwait(false);
                if (refusal.IsOk) refusal = reply;
            }
            return refusal;
        }
        catch
        {
            // What is in flight belongs to a handle that the caller closes next.
            foreach (var write in writes) await ((Task)write).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private static async Task<Reply> SendAsync(SftpConnection connection, byte[] handle, ReadOnlyMemory<byte> bytes,
        Queue<Task<Reply>> writes, CancellationToken cancellationToken)
    {
        for (var offset = 0; offset < bytes.Length;)
        {
            var count = Math.Min(connection.Features.WriteSize, bytes.Length - offset);
            if (await SendAsync(connection, new(handle, offset, bytes.Slice(offset, count)), writes, cancellationToken)
                .ConfigureAwait(false) is { IsOk: false } refusal) return refusal;
            offset += count;
        }
        return default;
    }

    private static async Task<Reply> SendAsync(SftpConnection connection, byte[] handle, StoreValue value,
        Queue<Task<Reply>> writes, CancellationToken cancellationToken)
    {
        var stream = value.OpenStream();
        var buffer = ArrayPool<byte>.Shared.Rent(connection.Features.WriteSize);
        try
        {
            await using (stream.ConfigureAwait(false))
            {
                for (long offset = 0; offset < value.Length;)
                {
                    var count = (int)Math.Min(connection.Features.WriteSize, value.Length - offset);
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

    /// <summary>Sends one write when its turn has come, and looks at those that have been answered.</summary>
    private static async ValueTask<Reply> SendAsync(
        SftpConnection connection, WriteRequest request, Queue<Task<Reply>> writes, CancellationToken cancellationToken)
    {
        await connection.Upload.TakeAsync(request.Bytes.Length, cancellationToken).ConfigureAwait(false);
        var departure = Stopwatch.GetTimestamp();
        writes.Enqueue(FinishAsync(connection, connection.SendAsync(request), request.Bytes.Length, departure));
        while (writes.TryPeek(out var write) && write.IsCompleted)
        {
            var reply = await writes.Dequeue().ConfigureAwait(false);
            if (!reply.IsOk) return reply;
        }
        return default;
    }

    // Gives way to others as soon as the answer is there, whether or not anybody asks for it yet.
    private static async Task<Reply> FinishAsync(SftpConnection connection, ValueTask<Reply> answer, int count, long departure)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        finally
        {
            connection.UploadFlow.Arrive(count, departure);
            connection.Upload.Return(count, connection.UploadFlow.Window);
        }
    }
}
