using System.Net;
using BorgStore.Backends.Files;
using BorgStore.Backends.Http;
using BorgStore.Hashing;

namespace BorgStore.Backends.Rest;

/// <summary>A store behind a REST server, ours or the Python package's.</summary>
/// <remarks>What only our server can do is used where an answer of the server told so; see docs/protocol.md.</remarks>
internal sealed partial class RestBackend : IBackend
{
    // Tree listings in pages, flush, digests on request, conditional stores and moves, temporary files.
    private const int OurExtensions = 1;

    // The command that gathers ranges, which other servers may have as well.
    private const int GatherExtension = 2;

    private readonly string _shownUrl;
    private readonly RestTransport _transport;
    private readonly RestClient _client;
    private readonly Durability _durability;
    private readonly OpenGate _gate = new();
    private volatile bool _lacksGather;
    private int _unflushed;
    private int _disposed;

    /// <summary>Names a store; nothing is connected yet.</summary>
    /// <param name="url">The URL: http, https, http+unix or rest.</param>
    /// <param name="options">What else is to be known; its permissions are another class's concern.</param>
    public RestBackend(string url, BackendOptions? options = null)
        : this(RestAddress.Parse(url, options?.Credential), StoreUrl.Redact(url), options?.Durability ?? default)
    {
    }

    internal RestBackend(RestAddress address, string shownUrl, Durability durability = default)
    {
        _shownUrl = shownUrl;
        _durability = durability;
        _transport = new(address);
        _client = new(_transport, _shownUrl);
    }

    /// <summary>Sends the requests; tests shorten its timeouts.</summary>
    internal RestClient Client => _client;

    private bool HasExtensions => HasExtension(OurExtensions);

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        await RecogniseAsync("create", cancellationToken).ConfigureAwait(false);
        await _client.SendAsync(() => Post("/?cmd=create"), answer => answer.DemandDoneAsync(null), Repeat.Knowingly, takesLong: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        await RecogniseAsync("destroy", cancellationToken).ConfigureAwait(false);
        await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Delete, "/?cmd=destroy"), async answer =>
        {
            if (answer is { MayHaveHappened: true, Response.StatusCode: HttpStatusCode.Gone }) throw Unknown("destroy the store", "It is not there now.", null);
            return await answer.DemandDoneAsync(null).ConfigureAwait(false);
        }, Repeat.Knowingly, takesLong: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        CheckNotOpen();
        if (!await RecogniseAsync("open", cancellationToken).ConfigureAwait(false))
            throw StoreException.While(StoreError.StoreDoesNotExist, $"open the store '{_shownUrl}'", _shownUrl);
        _gate.Open();
    }

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        await FlushCoreAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        await _client.SendAsync(() => Post($"{Target(name)}?cmd=mkdir"), answer => answer.DemandDoneAsync(name), Repeat.Freely, takesLong: false, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await RemoveAsync($"{Target(name)}?cmd=rmdir", name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await HashCoreAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        if (request.Target is null && request.Algorithm is null)
            throw new StoreException(StoreError.InvalidArgument, "A defragmentation needs the name of the new item, or an algorithm to make it of.");
        if (request is { Mode: StoreMode.CreateNew, Target: { } newName }) await DemandAbsentAsync(newName, cancellationToken).ConfigureAwait(false);

        var target = request.Target is { } name ? $"&target={Escape(name)}" : $"&algorithm={request.Algorithm!.Name}&levels={request.Levels}";
        var ns = request.Namespace.Length > 0 ? $"&namespace={Escape(request.Namespace)}" : "";
        var blocks = RestJson.Write(request.Sources);
        var made = await _client.SendAsync(() =>
        {
            var message = Post($"/?cmd=defrag{target}{ns}");
            message.Content = new ByteArrayContent(blocks);
            return WithMode(message, request.Mode);
        }, async answer =>
        {
            CheckStillNew(answer, request.Mode, request.Target ?? request.Namespace);
            await answer.DemandAsync(request.Target).ConfigureAwait(false);
            return CheckMade(request, await answer.ReadWordAsync().ConfigureAwait(false));
        }, Repeat.Knowingly, takesLong: true, cancellationToken).ConfigureAwait(false);
        await NoteChangeAsync(cancellationToken).ConfigureAwait(false);
        return made;
    }

    /// <inheritdoc/>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await _client.SendAsync(() => Post("/?cmd=quota"), async answer =>
        {
            await answer.DemandAsync(null).ConfigureAwait(false);
            return await RestJson.ReadQuotaAsync(answer).ConfigureAwait(false);
        }, Repeat.Freely, takesLong: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _gate.CloseAsync().ConfigureAwait(false);
            if (Volatile.Read(ref _unflushed) != 0) await FlushCoreAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) await _transport.DisposeAsync().ConfigureAwait(false);
        }
    }

    private bool HasExtension(int number) => _client.Extensions >= number;

    // Version 0.6.1 of the Python package came with this header, and 0.6.2 no longer mixes up requests. What an older one would lose, it
    // never gets the chance to; 0.6.1 itself shows by what it answers.
    private bool NoticeAge(HttpResponseMessage response)
    {
        if (!HasExtensions && !response.Headers.Contains(WriteTimeHeader)) _transport.Turns?.Begin();
        return true;
    }

    /// <summary>Asks for the root of the store, and fails where what answers is no server of stores.</summary>
    /// <param name="task">What is tried, for messages.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether there is a store.</returns>
    private async Task<bool> RecogniseAsync(string task, CancellationToken cancellationToken)
    {
        bool exists, isKnown;
        try
        {
            (exists, isKnown) = await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Head, "/"), async answer => answer.Response.StatusCode switch
            {
                HttpStatusCode.OK when GetHeader(answer.Response, DirectoryHeader) is "true" or "false" => (NoticeAge(answer.Response), true),
                // Whoever may not look at the root may do so further down; that there is a store is known.
                HttpStatusCode.Forbidden => (true, HasExtensions),
                HttpStatusCode.Gone => (false, true),
                HttpStatusCode.OK or HttpStatusCode.NotFound => throw RestErrors.NoServer($"{task} the store '{_shownUrl}'", _shownUrl),
                _ => throw await RestErrors.ReadAsync(answer.Response, _shownUrl, answer.Stalled).ConfigureAwait(false),
            }, Repeat.Freely, takesLong: false, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error != StoreError.AuthenticationFailed && !HasExtensions && _transport.Server is not null)
        {
            // Some servers answer 400, others end the connection or send what is no HTTP.
            if (await HttpFailure.FindTlsAsync(_transport.Server, cancellationToken).ConfigureAwait(false) is not { } why) throw;
            throw StoreException.While(StoreError.ConnectionLost, $"{task} the store '{_shownUrl}'", _shownUrl, why, e);
        }
        if (!isKnown) await RecogniseRefusalAsync(task, cancellationToken).ConfigureAwait(false);
        return exists;
    }

    // Anything on the web refuses with 403. Of Python's server, the answer to a listing shows more.
    private Task<bool> RecogniseRefusalAsync(string task, CancellationToken cancellationToken)
        => _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Get, "//"), async answer =>
        {
            if (answer.Response.StatusCode == HttpStatusCode.OK)
            {
                await RestJson.ReadItemsAsync(answer).ConfigureAwait(false);
                return true;
            }
            return await RestErrors.IsRefusalOfPythonAsync(answer.Response, answer.Stalled).ConfigureAwait(false) ? true
                : throw StoreException.While(StoreError.PermissionDenied, $"{task} the store '{_shownUrl}'", _shownUrl,
                    "what answers there refuses everybody or this user, and does not look like a BorgStore REST server. Check the URL, user and password");
        }, Repeat.Freely, takesLong: false, cancellationToken);

    private static bool IsDigest(string text, HashKind algorithm) => text.Length == 2 * algorithm.DigestSize && text.All(char.IsAsciiHexDigit);

    // The name follows from the request and, where there was no target, from a digest at its end.
    private static string CheckMade(DefragRequest request, string made)
    {
        var key = made[(made.LastIndexOf('/') + 1)..];
        return made == request.NameOf(key) && (request.Target is not null || IsDigest(key, request.Algorithm!)) ? made
            : throw RestErrors.Wrong("it sends something else than the name of the new item");
    }

    private void CheckNotOpen()
    {
        if (_gate.IsOpen) throw new StoreException(StoreError.StoreIsOpen, "The store is open; close it first.", _shownUrl);
    }

    private async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _unflushed, 0);
        // Another server has no way to be asked.
        if (!HasExtensions) return;
        await _client.SendAsync(() => Post("/?cmd=flush"), answer => answer.DemandDoneAsync(null), Repeat.Freely, takesLong: true, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask NoteChangeAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _unflushed, 1);
        return _durability == Durability.Each ? FlushCoreAsync(cancellationToken) : default;
    }

    private async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var (digest, isKnown) = await _client.SendAsync<(string?, bool)>(() => Post($"{Target(name)}?cmd=hash&algorithm={algorithm.Name}"), async answer =>
        {
            if (answer.Response.StatusCode == HttpStatusCode.NotFound) return (null, true);
            // An algorithm that this server does not know.
            if (answer.Response.StatusCode == HttpStatusCode.BadRequest && !HasExtensions) return (null, false);
            await answer.DemandAsync(name).ConfigureAwait(false);
            var word = await answer.ReadWordAsync().ConfigureAwait(false);
            return IsDigest(word, algorithm) ? (word.ToLowerInvariant(), true) : throw RestErrors.Wrong($"it sends something else than a digest of {algorithm.DisplayName}");
        }, Repeat.Freely, takesLong: true, cancellationToken).ConfigureAwait(false);
        return isKnown ? digest : await HashHereAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<string?> HashHereAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var value = await LoadCoreAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
        if (value is null) return null;
        await using (value.ConfigureAwait(false)) return await algorithm.ComputeHexAsync(value, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> RemoveAsync(string target, string name, CancellationToken cancellationToken)
    {
        var removed = await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Delete, target), async answer =>
        {
            if (answer.Response.StatusCode != HttpStatusCode.NotFound) return await answer.DemandDoneAsync(name).ConfigureAwait(false);
            // What a server mixed up and is gone now was most likely removed by that attempt.
            return answer.MayHaveHappened ? throw Unknown($"delete '{name}'", "It is not there now.", name) : answer.WasMixedUp;
        }, Repeat.Knowingly, takesLong: false, cancellationToken).ConfigureAwait(false);
        if (removed) await NoteChangeAsync(cancellationToken).ConfigureAwait(false);
        return removed;
    }

    private HttpRequestMessage Post(string target) => _transport.CreateRequest(HttpMethod.Post, target);

    // The names of items are not escaped on this wire, so some that only others could write have no place on it.
    private static string Target(string name)
    {
        // To the Python server and to some proxies a '#' ends the name, so that they would answer for another item.
        var wrong = name.AsSpan().IndexOfAny("?# ");
        if (wrong < 0) wrong = name.AsSpan().IndexOfAnyInRange('\0', '\x1f');
        if (wrong < 0) wrong = name.IndexOf('\x7f');
        return wrong < 0 ? "/" + name : throw new StoreException(StoreError.InvalidName,
            $"'{name}' can't be used over REST: its requests have no place for '{name[wrong]}' in a name. Use another name, or reach the store in another way.", name);
    }

    private static string Escape(string value) => Uri.EscapeDataString(value);

    private static HttpRequestMessage WithMode(HttpRequestMessage request, StoreMode mode)
    {
        if (mode == StoreMode.CreateNew) request.Headers.IfNoneMatch.Add(System.Net.Http.Headers.EntityTagHeaderValue.Any);
        return request;
    }

    // The Python server replaces whatever is there; asking first is the best there is.
    private async ValueTask DemandAbsentAsync(string name, CancellationToken cancellationToken)
    {
        if (!HasExtensions && await FindCoreAsync(name, cancellationToken).ConfigureAwait(false) is not null)
            throw new StoreException(StoreError.ObjectAlreadyExists, $"There is an item '{name}' already.", name);
    }

    private void CheckStillNew(RestAnswer answer, StoreMode mode, string name)
    {
        if (mode == StoreMode.CreateNew && answer is { MayHaveHappened: true, Response.StatusCode: HttpStatusCode.Conflict })
            throw Unknown($"make '{name}'", "It is there now.", name);
    }

    private StoreException Unknown(string tried, string found, string? name)
        => new(StoreError.ConnectionLost,
            $"The connection to '{_shownUrl}' was lost before the answer to the request to {tried} came. {found} Whether this request did it is not known.", name);
}
