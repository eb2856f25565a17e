using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using BorgStore.Backends.Gathering;
using BorgStore.Hashing;

namespace BorgStore.Backends.Rest;

/// <content>Single items: find, load, store, delete, move.</content>
internal sealed partial class RestBackend
{
    private const string AnnouncedHash = "X-Content-hash-sha256";
    private const string WriteTimeHeader = "X-BorgStore-Mtime";
    private const string DirectoryHeader = "X-BorgStore-Is-Directory";
    private const string WantDigest = "Want-Repr-Digest";
    private const string Digest = "Repr-Digest";
    private const string DigestPrefix = "sha-256=:";

    // What is smaller is loaded as a whole, so that a lost connection can be made good.
    private const int SmallValue = 1 << 20;

    /// <inheritdoc/>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await FindCoreAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await LoadCoreAsync(name, range, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        Block.CheckCount(blocks.Count);
        if (!blocks.Any(block => block.Length != 0)) return new MemoryValueStream(default);
        return (_lacksGather ? null : await GatherThereAsync(blocks, cancellationToken).ConfigureAwait(false))
            ?? await GatherStream.OpenAsync(this, blocks, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        if (mode == StoreMode.CreateNew) await DemandAbsentAsync(name, cancellationToken).ConfigureAwait(false);
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
            await answer.DemandDoneAsync(name).ConfigureAwait(false);
            return GetDigest(answer.Response);
        }, value.CanReadAgain ? Repeat.Knowingly : Repeat.Never, takesLong: false, cancellationToken).ConfigureAwait(false);
        if (content!.Hash is { } hash) await CheckArrivedAsync(name, hash, told, cancellationToken).ConfigureAwait(false);
        await NoteChangeAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await RemoveAsync(Target(name), name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        if (mode == StoreMode.CreateNew && !HasExtensions)
        {
            if (await FindCoreAsync(name, cancellationToken).ConfigureAwait(false) is null) return false;
            await DemandAbsentAsync(newName, cancellationToken).ConfigureAwait(false);
        }
        var isGone = false;
        var moved = await _client.SendAsync(() => WithMode(Post($"/?cmd=move&current={Escape(name)}&new={Escape(newName)}"), mode), async answer =>
        {
            CheckStillNew(answer, mode, newName);
            if (answer.Response.StatusCode != HttpStatusCode.NotFound) return await answer.DemandDoneAsync(name).ConfigureAwait(false);
            isGone = answer.WasMixedUp;
            return answer.MayHaveHappened ? throw Unknown($"move '{name}' to '{newName}'", $"'{name}' is not there now.", name) : false;
        }, Repeat.Knowingly, takesLong: false, cancellationToken).ConfigureAwait(false);
        // An attempt that the server mixed up may have moved it.
        moved |= isGone && await FindCoreAsync(newName, cancellationToken).ConfigureAwait(false) is { IsDirectory: false };
        if (moved) await NoteChangeAsync(cancellationToken).ConfigureAwait(false);
        return moved;
    }

    private async ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
        => await _client.SendAsync<ItemInfo?>(() => _transport.CreateRequest(HttpMethod.Head, Target(name)), async answer =>
        {
            var response = answer.Response;
            if (response.StatusCode == HttpStatusCode.NotFound) return null;
            await answer.DemandAsync(name).ConfigureAwait(false);
            var isDirectory = GetHeader(response, DirectoryHeader) switch
            {
                "true" => true,
                "false" => false,
                _ => throw RestErrors.Wrong("it does not say whether there is an item or a directory"),
            };
            var size = response.Content.Headers.ContentLength ?? throw RestErrors.Wrong("it does not say how large the item is");
            return new(name, isDirectory ? 0 : size, isDirectory,
                RestJson.ToTime(GetSeconds(response, "X-BorgStore-Atime")), RestJson.ToTime(GetSeconds(response, WriteTimeHeader)));
        }, Repeat.Freely, takesLong: false, cancellationToken).ConfigureAwait(false);

    private async ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        // Nothing of a value, and (of the Python server) a part before its end that may be longer than all of it, take its size.
        if (range.Length == 0 || (range.Offset < 0 && (range.Length is not null || !HasExtensions)))
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
        }, answer => ReadValueAsync(answer, name, range), Repeat.Freely, takesLong: false, cancellationToken).ConfigureAwait(false);
    }

    // Null where the server has no such command.
    private async ValueTask<ValueStream?> GatherThereAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        foreach (var block in blocks) Target(block.Name);
        try
        {
            return await SendGatherAsync(blocks, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error is StoreError.InvalidArgument or StoreError.NotSupported && !HasExtension(GatherExtension))
        {
            // Another server refuses ranges that are wrong with the same status as a command that it does not know. It knows the
            // command if it gathers nothing.
            _lacksGather = !await KnowsGatherAsync(cancellationToken).ConfigureAwait(false);
            if (!_lacksGather) throw;
            return null;
        }
    }

    private async ValueTask<bool> KnowsGatherAsync(CancellationToken cancellationToken)
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
            await answer.DemandAsync(null).ConfigureAwait(false);
            var value = await ReadBodyAsync(answer, length, fetchHash: null).ConfigureAwait(false);
            if (value.Length == length) return value;
            await value.DisposeAsync().ConfigureAwait(false);
            throw RestErrors.Wrong($"it sends {value.Length} bytes where {length} were asked for");
        }, Repeat.Freely, takesLong: true, cancellationToken);
    }

    private async Task<ValueStream?> ReadValueAsync(RestAnswer answer, string name, ByteRange range)
    {
        var response = answer.Response;
        if (response.StatusCode == HttpStatusCode.NotFound) return null;
        await answer.DemandAsync(name).ConfigureAwait(false);
        if (!range.IsWhole && response.StatusCode != HttpStatusCode.PartialContent)
            throw new StoreException(StoreError.NotSupported, "What answers there does not give parts of values. Check what stands before the REST server.", name);

        if (range.IsWhole && response.StatusCode == HttpStatusCode.PartialContent) throw RestErrors.Wrong("it sends a part where all was asked for");

        return await ReadBodyAsync(answer, range.Offset < 0 ? -(decimal)range.Offset : range.Length, HasExtensions && range.IsWhole ? token => HashAsync(name, HashKind.Sha256, token) : null).ConfigureAwait(false);
    }

    // The most that was asked for is known of a part, and then more is not taken for it.
    private async Task<ValueStream> ReadBodyAsync(RestAnswer answer, decimal? most, Func<CancellationToken, ValueTask<string?>>? fetchHash)
    {
        var response = answer.Response;
        answer.DemandType("application/octet-stream");
        if (response.Content.Headers.ContentLength > most) throw RestErrors.Wrong($"it sends {response.Content.Headers.ContentLength} bytes where at most {most} were asked for");
        if (response.Content.Headers.ContentLength is not > SmallValue)
        {
            var bytes = await answer.ReadAllAsync((int)Math.Min(most ?? SmallValue, SmallValue)).ConfigureAwait(false);
            if (GetDigest(response) is { } digest && !digest.AsSpan().SequenceEqual(SHA256.HashData(bytes)))
                throw new HttpRequestException("A value was damaged on the way.");
            return new MemoryValueStream(bytes);
        }
        var body = await response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false);
        return new RestValueStream(response, body, response.Content.Headers.ContentLength.Value, _client, fetchHash);
    }

    // A value that can be read twice is announced with its hash, so that what arrives damaged is not even stored.
    private static async ValueTask<string?> HashAheadAsync(StoreValue value, CancellationToken cancellationToken)
    {
        if (value.IsInMemory) return HashKind.Sha256.ComputeHex(value.Bytes.Span);
        if (!value.CanReadAgain) return null;
        var stream = value.OpenStream();
        await using (stream.ConfigureAwait(false)) return await HashKind.Sha256.ComputeHexAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    // What could not be announced is compared once it is there.
    private async ValueTask CheckArrivedAsync(string name, byte[] hash, byte[]? told, CancellationToken cancellationToken)
    {
        if (told is not null && hash.AsSpan().SequenceEqual(told)) return;
        var stored = await HashCoreAsync(name, HashKind.Sha256, cancellationToken).ConfigureAwait(false);
        if (told is null && (stored is null || IsHash(hash))) return;
        // Anything but what the server said to have taken may be a newer value of another client.
        var isOurs = told is not null && IsHash(told);
        if (isOurs) await RemoveAsync(Target(name), name, cancellationToken).ConfigureAwait(false);
        throw new StoreException(StoreError.HashMismatch, isOurs
            ? $"The value of '{name}' was damaged on its way and is removed again. Store it anew."
            : $"The value of '{name}' is not the one that was stored: that was damaged on its way, or another client has stored one since. Look what is there, and store it anew.", name);

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
            : throw RestErrors.Wrong("the digest that it sends is none");
    }

    private static double? GetSeconds(HttpResponseMessage response, string header)
        => double.TryParse(GetHeader(response, header), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    private static string? GetHeader(HttpResponseMessage response, string name)
        => response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
