using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A response of rclone that is being received.</summary>
/// <param name="server">The rclone that sends it.</param>
/// <param name="response">The HTTP response.</param>
/// <param name="ended">Called once, when the response is disposed.</param>
internal sealed class RcloneResponse(RcloneServer server, HttpResponseMessage response, Action ended) : IDisposable
{
    private const int MaxFailureSize = 64 * 1024;
    private const int SmallSize = 4 * 1024;
    // Only lists are longer, and those are read incrementally.
    private const int MaxSize = 1 << 20;
    private int _disposed;

    /// <summary>Whether the call succeeded.</summary>
    public bool IsSuccess => response.IsSuccessStatusCode;

    /// <summary>Whether rclone reports that the item does not exist.</summary>
    public bool IsAbsent => response.StatusCode == HttpStatusCode.NotFound;

    /// <summary>The length of the body [bytes], if rclone states it.</summary>
    public long? Length => response.Content.Headers.ContentLength;

    /// <summary>The content range, unparsed: rclone may send ranges that a parser rejects.</summary>
    public string? Range => response.Content.Headers.NonValidated.TryGetValues("Content-Range", out var values) ? values.ToString() : null;

    /// <summary>Returns whether a failure means that rclone is no longer reachable.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="cancellationToken">The caller's token; if it is not cancelled, someone else ended the connection.</param>
    public static bool IsConnectionLoss(Exception failure, CancellationToken cancellationToken)
        => failure is HttpRequestException or IOException or ObjectDisposedException
            || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    /// <summary>Reads until the buffer is full or the body ends.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The number of bytes read; less than the buffer's length only at the end.</returns>
    public async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        return await GuardAsync(stream => stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Reads some bytes.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The number of bytes read; 0 at the end.</returns>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        return await GuardAsync(stream => stream.ReadAsync(buffer, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the body as JSON.</summary>
    /// <param name="read">Reads the JSON. Any exception that it throws is reported as a malformed response.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<T> ReadAsync<T>(Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(SmallSize);
        try
        {
            int length = 0, count;
            while ((count = await FillAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false)) == buffer.Length - length)
            {
                length += count;
                if (length >= MaxSize) throw RcloneFailure.InvalidResponse($"it is longer than {MaxSize} bytes");
                var larger = ArrayPool<byte>.Shared.Rent(2 * length);
                buffer.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
            using var json = JsonDocument.Parse(buffer.AsMemory(0, length + count));
            return read(json.RootElement);
        }
        catch (Exception e) when (e is not (RcloneFailure or StoreException or OperationCanceledException))
        {
            throw RcloneFailure.InvalidResponse("it is not JSON of the expected form", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads the failure that the response describes.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<RcloneFailure> ReadFailureAsync(CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxFailureSize];
        var length = await FillAsync(buffer, cancellationToken).ConfigureAwait(false);
        var reason = ErrorIn(buffer.AsSpan(0, length)) ?? $"it answered {(int)response.StatusCode} {response.ReasonPhrase}";
        return RcloneFailure.FromResponse(reason, IsAbsent);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        response.Dispose();
        ended();
    }

    private static string? ErrorIn(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(body).GetProperty("error").GetString() is { } error ? ServerText.Clean(error) : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            var text = ServerText.Clean(Encoding.UTF8.GetString(body));
            return text.Length is > 0 and < 200 ? text : null;
        }
    }

    // The method may also throw before it returns a task.
    private async ValueTask<int> GuardAsync(Func<Stream, ValueTask<int>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await read(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception e) when (IsConnectionLoss(e, cancellationToken))
        {
            throw await server.ExplainAsync(e).ConfigureAwait(false);
        }
    }
}
