using System.Net;
using System.Text;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>A response that is being read. Its content is not trusted: form and length are checked here and in <see cref="RestJson"/>.</summary>
/// <param name="Response">The HTTP response.</param>
/// <param name="MayHaveHappened">Whether an earlier attempt may have been executed although its response was lost.</param>
/// <param name="WasMixedUp">Whether the server mixed up an earlier attempt with other requests, and may or may not have executed it.</param>
/// <param name="Stalled">A token that is cancelled when the connection stalls or the caller cancels.</param>
internal readonly record struct RestResponse(HttpResponseMessage Response, bool MayHaveHappened, bool WasMixedUp, CancellationToken Stalled)
{
    private const int MaxShortTextLength = 1024;

    /// <summary>Throws unless the request was executed. The response may have a body.</summary>
    /// <param name="name">The requested item, if there is one.</param>
    /// <returns><see langword="true"/>.</returns>
    public async Task<bool> EnsureSuccessAsync(string? name)
    {
        if (Response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent) return true;
        if (Response.IsSuccessStatusCode) throw RestErrors.InvalidResponse($"its status is {(int)Response.StatusCode}, which it never uses");
        throw await RestErrors.ReadAsync(Response, name, Stalled).ConfigureAwait(false);
    }

    /// <summary>Throws unless a command with an empty response was executed. A web page would have a body.</summary>
    /// <param name="name">The requested item, if there is one.</param>
    /// <returns><see langword="true"/>.</returns>
    public async Task<bool> EnsureEmptySuccessAsync(string? name)
    {
        await EnsureSuccessAsync(name).ConfigureAwait(false);
        if (Response.Content.Headers.ContentLength is > 0) throw HasBody();
        var body = await Response.Content.ReadAsStreamAsync(Stalled).ConfigureAwait(false);
        return await body.ReadAsync(new byte[1], Stalled).ConfigureAwait(false) == 0 ? true : throw HasBody();

        static StoreException HasBody() => RestErrors.InvalidResponse("it has a body where none is expected");
    }

    /// <summary>Throws if the body is not of the expected type.</summary>
    /// <param name="mediaType">The type.</param>
    public void EnsureMediaType(string mediaType)
    {
        var headers = Response.Content.Headers;
        if (headers.ContentType?.MediaType != mediaType || headers.ContentEncoding.Any(encoding => encoding != "identity"))
            throw RestErrors.InvalidResponse($"it contains something other than {mediaType}");
    }

    /// <summary>Reads a digest or a name.</summary>
    public async Task<string> ReadShortTextAsync() => Encoding.UTF8.GetString(await ReadAllAsync(MaxShortTextLength).ConfigureAwait(false)).Trim();

    /// <summary>Reads a body that fits into memory.</summary>
    /// <param name="limit">The maximum number of bytes.</param>
    public async Task<byte[]> ReadAllAsync(int limit)
    {
        var content = await Response.Content.ReadAsStreamAsync(Stalled).ConfigureAwait(false);
        if (Response.Content.Headers.ContentLength is { } length)
        {
            if (length > limit) throw RestErrors.TooLong(limit);
            // Straight into the result: HttpContent would gather pieces of a few KiB and copy them.
            var whole = new byte[length];
            await content.ReadExactlyAsync(whole, Stalled).ConfigureAwait(false);
            return whole;
        }
        // The server states the length of everything except long listings.
        using var bytes = new MemoryStream();
        await new BoundedStream(content, limit, RestErrors.TooLong).CopyToAsync(bytes, Stalled).ConfigureAwait(false);
        return bytes.ToArray();
    }
}
