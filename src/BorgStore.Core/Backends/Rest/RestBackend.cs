using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using BorgStore.Backends.Http;
using BorgStore.Hashing;

namespace BorgStore.Backends.Rest;

/// <summary>A store on a REST server, either ours or that of the Python package.</summary>
/// <remarks>Features of our server are used only after one of its responses announced them; see docs/protocol.md.</remarks>
internal sealed class RestBackend : Backend
{
    // Paged tree listings, flush, digests on request, conditional stores and moves, temporary items.
    private const int OurExtensions = 1;

    // The command to gather ranges, which other servers may support too.
    private const int GatherExtension = 2;

    private readonly string _displayUrl;
    private readonly RestTransport _transport;
    private readonly RestClient _client;
    private readonly Durability _durability;
    private volatile bool _lacksGather;
    private int _unflushed;

    /// <summary>Initializes a backend; nothing is connected yet.</summary>
    /// <param name="url">The URL: http, https, http+unix or rest.</param>
    /// <param name="options">The options; permissions are enforced by another class.</param>
    public RestBackend(string url, BackendOptions? options = null)
        : this(RestAddress.Parse(url, options?.Credential), StoreUrl.Redact(url), options?.Durability ?? default, options?.Retried)
    {
    }

    internal RestBackend(RestAddress address, string displayUrl, Durability durability = default, Action<StoreRetry>? retried = null)
        : base(displayUrl)
    {
        _displayUrl = displayUrl;
        _durability = durability;
        _transport = new(address);
        _client = new(_transport, _displayUrl) { Retried = retried };
    }

    /// <summary>The client that sends the requests; tests shorten its timeouts.</summary>
    internal RestClient Client => _client;

    private bool HasExtensions => HasExtension(OurExtensions);

    /// <inheritdoc/>
    protected override async Task CreateCoreAsync(CancellationToken cancellationToken)
    {
        await ProbeServerAsync(cancellationToken).ConfigureAwait(false);
        await _client.SendAsync(() => Post("/?cmd=create"), answer => answer.EnsureEmptySuccessAsync(null), RetrySafety.ChecksEarlierAttempt, isLongRunning: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async Task DestroyCoreAsync(CancellationToken cancellationToken)
    {
        await ProbeServerAsync(cancellationToken).ConfigureAwait(false);
        await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Delete, "/?cmd=destroy"), async answer =>
        {
            if (answer is { MayHaveHappened: true, Response.StatusCode: HttpStatusCode.Gone }) throw Unknown("destroy the store", "It does not exist now.", null);
            return await answer.EnsureEmptySuccessAsync(null).ConfigureAwait(false);
        }, RetrySafety.ChecksEarlierAttempt, isLongRunning: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async Task OpenCoreAsync(CancellationToken cancellationToken)
    {
        if (!await ProbeServerAsync(cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.StoreDoesNotExist);
    }

    /// <inheritdoc/>
    protected override async ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        await _client.SendAsync(() => Post($"{Target(name)}?cmd=mkdir"), answer => answer.EnsureEmptySuccessAsync(name), RetrySafety.Idempotent, isLongRunning: false, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await RemoveAsync($"{Target(name)}?cmd=rmdir", name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        if (request is { Mode: StoreMode.CreateNew, Target: { } newName }) await ThrowIfExistsAsync(newName, cancellationToken).ConfigureAwait(false);

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
            await answer.EnsureSuccessAsync(request.Target).ConfigureAwait(false);
            return CheckMade(request, await answer.ReadShortTextAsync().ConfigureAwait(false));
        }, RetrySafety.ChecksEarlierAttempt, isLongRunning: true, cancellationToken).ConfigureAwait(false);
        await RecordChangeAsync(cancellationToken).ConfigureAwait(false);
        return made;
    }

    /// <inheritdoc/>
    protected override async ValueTask<QuotaInfo> GetQuotaCoreAsync(CancellationToken cancellationToken)
    {
        return await _client.SendAsync(() => Post("/?cmd=quota"), async answer =>
        {
            await answer.EnsureSuccessAsync(null).ConfigureAwait(false);
            return await RestJson.ReadQuotaAsync(answer).ConfigureAwait(false);
        }, RetrySafety.Idempotent, isLongRunning: true, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask DisposeCoreAsync(bool wasOpen)
    {
        try
        {
            if (Volatile.Read(ref _unflushed) != 0) await FlushCoreAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await _transport.DisposeAsync().ConfigureAwait(false);
        }
    }

    private bool HasExtension(int number) => _client.Extensions >= number;

    // Version 0.6.1 of the Python package introduced this header, and 0.6.2 no longer mixes up requests. Older
    // versions are detected before they can lose anything; 0.6.1 itself is detected by its 412 responses.
    private bool DetectOldPythonServer(HttpResponseMessage response)
    {
        if (!HasExtensions && !response.Headers.Contains(WriteTimeHeader)) _transport.RequestLock?.Enable();
        return true;
    }

    /// <summary>Requests the root of the store, and throws if the responder is not a server of stores.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether the store exists.</returns>
    private async Task<bool> ProbeServerAsync(CancellationToken cancellationToken)
    {
        bool exists, isKnown;
        try
        {
            (exists, isKnown) = await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Head, "/"), async answer => answer.Response.StatusCode switch
            {
                HttpStatusCode.OK when GetHeader(answer.Response, DirectoryHeader) is "true" or "false" => (DetectOldPythonServer(answer.Response), true),
                // A user who may not see the root may have access further down; that the store exists is certain.
                HttpStatusCode.Forbidden => (true, HasExtensions),
                HttpStatusCode.Gone => (false, true),
                HttpStatusCode.OK or HttpStatusCode.NotFound => throw RestErrors.NoServer(),
                _ => throw await RestErrors.ReadAsync(answer.Response, _displayUrl, answer.Stalled).ConfigureAwait(false),
            }, RetrySafety.Idempotent, isLongRunning: false, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error != StoreError.AuthenticationFailed && !HasExtensions && _transport.Server is not null)
        {
            // Some servers answer with 400, others close the connection or send something other than HTTP.
            if (await HttpFailure.DetectTlsAsync(_transport.Server, cancellationToken).ConfigureAwait(false) is not { } why) throw;
            throw new StoreException(StoreError.ConnectionLost, why, innerException: e);
        }
        if (!isKnown) await ProbePythonServerAsync(cancellationToken).ConfigureAwait(false);
        return exists;
    }

    // Any web server may answer with 403. The Python server is recognised by its response to a listing.
    private Task<bool> ProbePythonServerAsync(CancellationToken cancellationToken)
        => _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Get, "//"), async answer =>
        {
            if (answer.Response.StatusCode == HttpStatusCode.OK)
            {
                await RestJson.ReadItemsAsync(answer).ConfigureAwait(false);
                return true;
            }
            return await RestErrors.IsPythonPermissionErrorAsync(answer.Response, answer.Stalled).ConfigureAwait(false) ? true
                : throw new StoreException(StoreError.PermissionDenied,
                    "the server at that address denies access to everyone or to this user, and does not look like a BorgStore REST server. Check the URL, user and password");
        }, RetrySafety.Idempotent, isLongRunning: false, cancellationToken);

    private static bool IsDigest(string text, HashKind algorithm) => text.Length == 2 * algorithm.DigestSize && text.All(char.IsAsciiHexDigit);

    // The name follows from the request and, without a target, ends with a digest.
    private static string CheckMade(DefragRequest request, string made)
    {
        var key = made[(made.LastIndexOf('/') + 1)..];
        return made == request.NameOf(key) && (request.Target is not null || IsDigest(key, request.Algorithm!)) ? made
            : throw RestErrors.InvalidResponse("it contains something other than the name of the new item");
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _unflushed, 0);
        // Other servers have no such command.
        if (!HasExtensions) return;
        await _client.SendAsync(() => Post("/?cmd=flush"), answer => answer.EnsureEmptySuccessAsync(null), RetrySafety.Idempotent, isLongRunning: true, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask RecordChangeAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _unflushed, 1);
        return _durability == Durability.Each ? FlushCoreAsync(cancellationToken) : default;
    }

    /// <inheritdoc/>
    protected override async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var (digest, isKnown) = await _client.SendAsync<(string?, bool)>(() => Post($"{Target(name)}?cmd=hash&algorithm={algorithm.Name}"), async answer =>
        {
            if (answer.Response.StatusCode == HttpStatusCode.NotFound) return (null, true);
            // The server does not know the algorithm.
            if (answer.Response.StatusCode == HttpStatusCode.BadRequest && !HasExtensions) return (null, false);
            await answer.EnsureSuccessAsync(name).ConfigureAwait(false);
            var word = await answer.ReadShortTextAsync().ConfigureAwait(false);
            return IsDigest(word, algorithm) ? (word.ToLowerInvariant(), true) : throw RestErrors.InvalidResponse($"it contains something other than a digest of {algorithm.DisplayName}");
        }, RetrySafety.Idempotent, isLongRunning: true, cancellationToken).ConfigureAwait(false);
        return isKnown ? digest : await base.HashCoreAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> RemoveAsync(string target, string name, CancellationToken cancellationToken)
    {
        var removed = await _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Delete, target), async answer =>
        {
            if (answer.Response.StatusCode != HttpStatusCode.NotFound) return await answer.EnsureEmptySuccessAsync(name).ConfigureAwait(false);
            // If an attempt was mixed up and the item no longer exists, that attempt most likely deleted it.
            return answer.MayHaveHappened ? throw Unknown($"delete '{name}'", "It does not exist now.", name) : answer.WasMixedUp;
        }, RetrySafety.ChecksEarlierAttempt, isLongRunning: false, cancellationToken).ConfigureAwait(false);
        if (removed) await RecordChangeAsync(cancellationToken).ConfigureAwait(false);
        return removed;
    }

    private HttpRequestMessage Post(string target) => _transport.CreateRequest(HttpMethod.Post, target);

    // Item names are not escaped in requests, so some names that only others can write cannot be sent.
    private static string Target(string name)
    {
        // For the Python server and some proxies a '#' ends the name, so that they would answer for another item.
        var wrong = name.AsSpan().IndexOfAny("?# ");
        if (wrong < 0) wrong = name.AsSpan().IndexOfAnyInRange('\0', '\x1f');
        if (wrong < 0) wrong = name.IndexOf('\x7f');
        return wrong < 0 ? "/" + name : throw new StoreException(StoreError.InvalidName,
            $"'{name}' cannot be used over REST: the protocol does not allow '{name[wrong]}' in a name. Use another name, or access the store in another way.", name);
    }

    private static string Escape(string value) => Uri.EscapeDataString(value);

    private static HttpRequestMessage WithMode(HttpRequestMessage request, StoreMode mode)
    {
        if (mode == StoreMode.CreateNew) request.Headers.IfNoneMatch.Add(System.Net.Http.Headers.EntityTagHeaderValue.Any);
        return request;
    }

    // The Python server always replaces an existing item; checking first is the best that is possible.
    private async ValueTask ThrowIfExistsAsync(string name, CancellationToken cancellationToken)
    {
        if (!HasExtensions && await FindCoreAsync(name, cancellationToken).ConfigureAwait(false) is not null)
            throw new StoreException(StoreError.ObjectAlreadyExists, name: name);
    }

    private void CheckStillNew(RestResponse answer, StoreMode mode, string name)
    {
        if (mode == StoreMode.CreateNew && answer is { MayHaveHappened: true, Response.StatusCode: HttpStatusCode.Conflict })
            throw Unknown($"create '{name}'", "It exists now.", name);
    }

    private StoreException Unknown(string tried, string found, string? name)
        => new(StoreError.ConnectionLost,
            $"The connection to '{_displayUrl}' was lost before the server confirmed the request to {tried}. {found} Whether this request caused that is not known.", name);

    private const string AnnouncedHash = "X-Content-hash-sha256";
    private const string WriteTimeHeader = "X-BorgStore-Mtime";
    private const string DirectoryHeader = "X-BorgStore-Is-Directory";
    private const string WantDigest = "Want-Repr-Digest";
    private const string Digest = "Repr-Digest";
    private const string DigestPrefix = "sha-256=:";

    // Smaller values are loaded completely before they are returned, so that a lost connection can be retried.
    private const int SmallValue = 1 << 20;

    /// <inheritdoc/>
    protected override async ValueTask<ValueStream> GatherCoreAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        Block.CheckCount(blocks.Count);
        if (!blocks.Any(block => block.Length != 0)) return new MemoryValueStream(default);
        return (_lacksGather ? null : await GatherThereAsync(blocks, cancellationToken).ConfigureAwait(false))
            ?? await base.GatherCoreAsync(blocks, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        if (mode == StoreMode.CreateNew) await ThrowIfExistsAsync(name, cancellationToken).ConfigureAwait(false);
        var announced = await HashAheadAsync(value, cancellationToken).ConfigureAwait(false);
        ValueContent? content = null;
        var told = await _client.SendAsync(() =>
        {
            var request = WithMode(Post(Target(name)), mode);
            request.Content = content = new ValueContent(value, computeHash: announced is null);
            if (announced is not null) request.Headers.TryAddWithoutValidation(AnnouncedHash, announced);
            else if (HasExtensions) request.Headers.TryAddWithoutValidation(WantDigest, "sha-256=1");
            return request;
        }, async answer =>
        {
            CheckStillNew(answer, mode, name);
            await answer.EnsureEmptySuccessAsync(name).ConfigureAwait(false);
            return GetDigest(answer.Response);
        }, value.CanReadAgain ? RetrySafety.ChecksEarlierAttempt : RetrySafety.OnlyIfNotSent, isLongRunning: false, cancellationToken).ConfigureAwait(false);
        if (content!.Hash is { } hash) await CheckArrivedAsync(name, hash, told, cancellationToken).ConfigureAwait(false);
        await RecordChangeAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await RemoveAsync(Target(name), name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        if (mode == StoreMode.CreateNew && !HasExtensions)
        {
            if (await FindCoreAsync(name, cancellationToken).ConfigureAwait(false) is null) return false;
            await ThrowIfExistsAsync(newName, cancellationToken).ConfigureAwait(false);
        }
        var isGone = false;
        var moved = await _client.SendAsync(() => WithMode(Post($"/?cmd=move&current={Escape(name)}&new={Escape(newName)}"), mode), async answer =>
        {
            CheckStillNew(answer, mode, newName);
            if (answer.Response.StatusCode != HttpStatusCode.NotFound) return await answer.EnsureEmptySuccessAsync(name).ConfigureAwait(false);
            isGone = answer.WasMixedUp;
            return answer.MayHaveHappened ? throw Unknown($"move '{name}' to '{newName}'", $"'{name}' does not exist now.", name) : false;
        }, RetrySafety.ChecksEarlierAttempt, isLongRunning: false, cancellationToken).ConfigureAwait(false);
        // An attempt that the server mixed up may have moved it.
        moved |= isGone && await FindCoreAsync(newName, cancellationToken).ConfigureAwait(false) is { IsDirectory: false };
        if (moved) await RecordChangeAsync(cancellationToken).ConfigureAwait(false);
        return moved;
    }

    /// <inheritdoc/>
    protected override async ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
        => await _client.SendAsync<ItemInfo?>(() => _transport.CreateRequest(HttpMethod.Head, Target(name)), async answer =>
        {
            var response = answer.Response;
            if (response.StatusCode == HttpStatusCode.NotFound) return null;
            await answer.EnsureSuccessAsync(name).ConfigureAwait(false);
            var isDirectory = GetHeader(response, DirectoryHeader) switch
            {
                "true" => true,
                "false" => false,
                _ => throw RestErrors.InvalidResponse("it does not contain whether this is an item or a directory"),
            };
            var size = response.Content.Headers.ContentLength ?? throw RestErrors.InvalidResponse("it does not contain the size of the item");
            return new(name, isDirectory ? 0 : size, isDirectory,
                RestJson.ToTime(GetSeconds(response, "X-BorgStore-Atime")), RestJson.ToTime(GetSeconds(response, WriteTimeHeader)),
                RestJson.ToTime(GetSeconds(response, "X-BorgStore-Deltime")));
        }, RetrySafety.Idempotent, isLongRunning: false, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        // The size is needed for an empty range, and with the Python server for a suffix, which may be longer than the value.
        if (range.Length == 0 || (range.Offset < 0 && !HasExtensions))
        {
            if (await FindCoreAsync(name, cancellationToken).ConfigureAwait(false) is not { IsDirectory: false } info) return null;
            var (start, count) = range.Resolve(info.Size);
            if (count == 0) return new MemoryValueStream(default);
            range = new(start, count);
        }
        return await _client.SendAsync(() =>
        {
            var request = _transport.CreateRequest(HttpMethod.Get, Target(name));
            request.Headers.Range = ToHeader(range);
            if (HasExtensions && range.IsWhole) request.Headers.TryAddWithoutValidation(WantDigest, "sha-256=1");
            return request;
        }, answer => ReadValueAsync(answer, name, range), RetrySafety.Idempotent, isLongRunning: false, cancellationToken).ConfigureAwait(false);
    }

    // Returns null if the server has no such command.
    private async ValueTask<ValueStream?> GatherThereAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        foreach (var block in blocks) Target(block.Name);
        try
        {
            return await SendGatherAsync(blocks, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error is StoreError.InvalidArgument or StoreError.NotSupported && !HasExtension(GatherExtension))
        {
            // Another server refuses invalid ranges with the same status as an unknown command. If it can gather an empty list, it knows the command.
            _lacksGather = !await SupportsGatherAsync(cancellationToken).ConfigureAwait(false);
            if (!_lacksGather) throw;
            return null;
        }
    }

    private async ValueTask<bool> SupportsGatherAsync(CancellationToken cancellationToken)
    {
        try
        {
            var nothing = await SendGatherAsync([], cancellationToken).ConfigureAwait(false);
            await nothing.DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch (StoreException e) when (e.Error is StoreError.InvalidArgument or StoreError.NotSupported)
        {
            return false;
        }
    }

    private Task<ValueStream> SendGatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        var body = RestJson.Write(blocks);
        var length = blocks.Sum(block => (decimal)block.Length);
        return _client.SendAsync<ValueStream>(() =>
        {
            var request = Post("/?cmd=gather");
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = RestJson.ContentType;
            return request;
        }, async answer =>
        {
            await answer.EnsureSuccessAsync(null).ConfigureAwait(false);
            var value = await ReadBodyAsync(answer, length, wanted: null, fetchHash: null).ConfigureAwait(false);
            if (value.Length == length) return value;
            await value.DisposeAsync().ConfigureAwait(false);
            throw RestErrors.InvalidResponse($"it has {value.Length} bytes, but {length} were requested");
        }, RetrySafety.Idempotent, isLongRunning: true, cancellationToken);
    }

    private async Task<ValueStream?> ReadValueAsync(RestResponse answer, string name, ByteRange range)
    {
        var response = answer.Response;
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        await answer.EnsureSuccessAsync(name).ConfigureAwait(false);
        if (!range.IsWhole && response.StatusCode != HttpStatusCode.PartialContent)
            throw new StoreException(StoreError.NotSupported, "The server at that address does not return parts of values. Check the proxies in front of the REST server.", name);

        if (range.IsWhole && response.StatusCode == HttpStatusCode.PartialContent) throw RestErrors.InvalidResponse("it contains a part of the value, but all of it was requested");

        // HTTP has no range for the first bytes of a suffix. Two requests, one for the size, could be about two values, so the rest of the suffix is left unread.
        return await ReadBodyAsync(
            answer, range.Offset < 0 ? -(decimal)range.Offset : range.Length, range.Length, HasExtensions && range.IsWhole ? token => HashAsync(name, HashKind.Sha256, token) : null).ConfigureAwait(false);
    }

    // For a part of a value the maximum length is known, and a longer body is refused. Only the first bytes of it may be wanted.
    private async Task<ValueStream> ReadBodyAsync(RestResponse answer, decimal? most, long? wanted, Func<CancellationToken, ValueTask<string?>>? fetchHash)
    {
        var response = answer.Response;
        answer.EnsureMediaType("application/octet-stream");
        if (response.Content.Headers.ContentLength > most) throw RestErrors.InvalidResponse($"it has {response.Content.Headers.ContentLength} bytes, but at most {most} were requested");
        if (response.Content.Headers.ContentLength is not > SmallValue)
        {
            var bytes = await answer.ReadAllAsync((int)Math.Min(most ?? SmallValue, SmallValue)).ConfigureAwait(false);
            if (GetDigest(response) is { } digest && !digest.AsSpan().SequenceEqual(SHA256.HashData(bytes)))
                throw new HttpRequestException("A value was corrupted in transit.");
            return new MemoryValueStream(bytes.AsMemory(0, (int)Math.Min(wanted ?? bytes.Length, bytes.Length)));
        }
        var length = response.Content.Headers.ContentLength.Value;
        var body = await response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false);
        return new RestValueStream(response, body, Math.Min(wanted ?? length, length), _client, fetchHash);
    }

    // The hash of a value that can be read twice is sent ahead, so that a damaged value is not even stored.
    private static async ValueTask<string?> HashAheadAsync(StoreValue value, CancellationToken cancellationToken)
    {
        if (value.IsInMemory) return HashKind.Sha256.ComputeHex(value.Bytes.Span);
        if (!value.CanReadAgain) return null;
        var stream = value.OpenUnlimitedStream();
        await using (stream.ConfigureAwait(false)) return await HashKind.Sha256.ComputeHexAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    // Otherwise the hash is compared after the value was stored.
    private async ValueTask CheckArrivedAsync(string name, byte[] hash, byte[]? told, CancellationToken cancellationToken)
    {
        if (told is not null && hash.AsSpan().SequenceEqual(told)) return;
        var stored = await HashCoreAsync(name, HashKind.Sha256, cancellationToken).ConfigureAwait(false);
        if (told is null && (stored is null || IsHash(hash))) return;
        // A value that differs from what the server received may be a newer one from another client.
        var isOurs = told is not null && IsHash(told);
        if (isOurs) await RemoveAsync(Target(name), name, cancellationToken).ConfigureAwait(false);
        throw new StoreException(StoreError.HashMismatch, isOurs
            ? $"The value of '{name}' was corrupted in transit and has been removed. Store it again."
            : $"The value of '{name}' is not the one that was stored: it was corrupted in transit, or another client has replaced it since. Check the stored value, and store it again.", name);

        bool IsHash(byte[] digest) => stored?.Equals(Convert.ToHexString(digest), StringComparison.OrdinalIgnoreCase) == true;
    }

    private static RangeHeaderValue? ToHeader(ByteRange range) => range switch
    {
        { IsWhole: true } => null,
        { Offset: < 0 } => new(null, -range.Offset),
        { Length: { } length } when length <= long.MaxValue - range.Offset => new(range.Offset, range.Offset + length - 1),
        _ => new(range.Offset, null),
    };

    private static byte[]? GetDigest(HttpResponseMessage response)
    {
        if (GetHeader(response, Digest) is not { } header || !header.StartsWith(DigestPrefix, StringComparison.Ordinal)) return null;
        var digest = new byte[SHA256.HashSizeInBytes];
        return Convert.TryFromBase64String(header[DigestPrefix.Length..].TrimEnd(':'), digest, out var count) && count == digest.Length ? digest
            : throw RestErrors.InvalidResponse("it contains an invalid digest");
    }

    private static double? GetSeconds(HttpResponseMessage response, string header)
        => double.TryParse(GetHeader(response, header), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    private static string? GetHeader(HttpResponseMessage response, string name)
        => response.Headers.TryGetValues(name, out var values) ? values.First() : null;

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ItemInfo> ListCoreAsync(
        string directory, ListScope scope, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (scope == ListScope.Tree && !HasExtensions)
        {
            await foreach (var item in TreeWalk.ListAsync(this, directory, prefix, cancellationToken).ConfigureAwait(false)) yield return item;
            yield break;
        }
        var unreadable = new UnreadableDirectories();
        string? after = null;
        do
        {
            var page = await ListPageAsync(directory, scope, prefix, after, cancellationToken).ConfigureAwait(false);
            // Servers that do not know the parameter return everything.
            foreach (var item in page.Items)
                if (item.Name.StartsWith(prefix, StringComparison.Ordinal)) yield return item;
            after = page.Next;
            foreach (var name in page.Unreadable ?? [])
            {
                var reason = new StoreException(page.Error, name: name);
                if (!unreadable.TryAdd(name, reason)) throw reason;
            }
        }
        while (after is not null);
        if (unreadable.Failure is { } failure) throw failure;
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<TemporaryItem> ListTemporaryCoreAsync(TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfNoExtensions();
        var items = await _client.SendAsync(
            () => _transport.CreateRequest(HttpMethod.Get, $"/?cmd=temporaries&age={(int)Math.Clamp(Math.Ceiling(olderThan.TotalSeconds), 0, int.MaxValue)}"),
            async answer =>
            {
                await answer.EnsureSuccessAsync(null).ConfigureAwait(false);
                return await RestJson.ReadTemporariesAsync(answer).ConfigureAwait(false);
            }, RetrySafety.Idempotent, isLongRunning: true, cancellationToken).ConfigureAwait(false);
        foreach (var item in items) yield return item;
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ThrowIfNoExtensions();
        // An upload that was written to since then is kept.
        var written = (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond;
        return await RemoveAsync(string.Create(CultureInfo.InvariantCulture, $"/?cmd=temporary&id={Escape(item.Id)}&mtime={written}"), item.Id, cancellationToken).ConfigureAwait(false);
    }

    // A page is read completely before its items are returned, so that a slow
    // reader does not occupy a connection, and a lost connection can be retried.
    private Task<ListingPage> ListPageAsync(string directory, ListScope scope, string prefix, string? after, CancellationToken cancellationToken)
    {
        var target = directory.Length == 0 ? "//" : Target(directory) + "/";
        if (scope == ListScope.Tree) target += "?cmd=tree&unreadable=tell" + (after is null ? "" : $"&after={Escape(after)}");
        if (prefix.Length > 0 && HasExtensions) target += $"{(scope == ListScope.Tree ? '&' : '?')}prefix={Escape(prefix)}";
        return _client.SendAsync(() => _transport.CreateRequest(HttpMethod.Get, target), async answer =>
        {
            await answer.EnsureSuccessAsync(directory).ConfigureAwait(false);
            return scope == ListScope.Tree
                ? await RestJson.ReadTreePageAsync(answer, after).ConfigureAwait(false)
                : new(await RestJson.ReadItemsAsync(answer).ConfigureAwait(false), Next: null);
        }, RetrySafety.Idempotent, isLongRunning: false, cancellationToken);
    }

    private void ThrowIfNoExtensions()
    {
        if (!HasExtensions)
            throw new StoreException(StoreError.NotSupported, $"The REST server at '{_displayUrl}' does not support listing unfinished uploads.", _displayUrl);
    }
}
