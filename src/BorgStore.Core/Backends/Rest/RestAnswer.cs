using System.Net;
using System.Text;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>An answer, while it is read. What it brings is not trusted: its form and length are checked here and in <see cref="RestJson"/>.</summary>
/// <param name="Response">The answer.</param>
/// <param name="MayHaveHappened">Whether an attempt before this one may have been executed, its answer being lost.</param>
/// <param name="WasMixedUp">Whether the server mixed up an attempt before this one with others, and executed it or not.</param>
/// <param name="Stalled">Ends the wait for the rest of it.</param>
internal readonly record struct RestAnswer(HttpResponseMessage Response, bool MayHaveHappened, bool WasMixedUp, CancellationToken Stalled)
{
    private const int LongestWord = 1024;

    /// <summary>Fails unless the request was executed. The answer may have a body.</summary>
    /// <param name="name">The item that was asked for, if one was.</param>
    /// <returns><see langword="true"/>.</returns>
    public async Task<bool> DemandAsync(string? name)
    {
        if (Response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent) return true;
        if (Response.IsSuccessStatusCode) throw RestErrors.Wrong($"its status is {(int)Response.StatusCode}, which it never answers");
        throw await RestErrors.ReadAsync(Response, name, Stalled).ConfigureAwait(false);
    }

    /// <summary>Fails unless a command was executed that answers nothing else. A web page would bring itself.</summary>
    /// <param name="name">The item that was asked for, if one was.</param>
    /// <returns><see langword="true"/>.</returns>
    public async Task<bool> DemandDoneAsync(string? name)
    {
        await DemandAsync(name).ConfigureAwait(false);
        if (Response.Content.Headers.ContentLength is > 0) throw HasBody();
        var body = await Response.Content.ReadAsStreamAsync(Stalled).ConfigureAwait(false);
        return await body.ReadAsync(new byte[1], Stalled).ConfigureAwait(false) == 0 ? true : throw HasBody();

        static StoreException HasBody() => RestErrors.Wrong("it sends a page where it has nothing to say");
    }

    /// <summary>Fails where the body is not of the type that the server gives such an answer.</summary>
    /// <param name="mediaType">The type.</param>
    public void DemandType(string mediaType)
    {
        var headers = Response.Content.Headers;
        if (headers.ContentType?.MediaType != mediaType || headers.ContentEncoding.Any(encoding => encoding != "identity"))
            throw RestErrors.Wrong($"it sends something else than {mediaType}");
    }

    /// <summary>Reads a digest or a name.</summary>
    public async Task<string> ReadWordAsync() => Encoding.UTF8.GetString(await ReadAllAsync(LongestWord).ConfigureAwait(false)).Trim();

    /// <summary>Reads a body that fits into memory.</summary>
    /// <param name="limit">The number of bytes that it may have.</param>
    public async Task<byte[]> ReadAllAsync(int limit)
    {
        if (Response.Content.Headers.ContentLength is { } length)
            return length <= limit ? await Response.Content.ReadAsByteArrayAsync(Stalled).ConfigureAwait(false) : throw RestErrors.TooLong(limit);
        // The server says the length of everything but long listings.
        using var bytes = new MemoryStream();
        var body = new BoundedStream(await Response.Content.ReadAsStreamAsync(Stalled).ConfigureAwait(false), limit, RestErrors.TooLong);
        await body.CopyToAsync(bytes, Stalled).ConfigureAwait(false);
        return bytes.ToArray();
    }
}
