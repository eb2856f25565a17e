using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using System.Text.RegularExpressions;
using BorgStore.Backends.Gathering;
using BorgStore.Naming;

namespace BorgStore.Backends.Rclone;

/// <content>Values on their way in and out.</content>
internal sealed partial class RcloneBackend
{
    /// <summary>Values up to this size [bytes] may go along with a call, and are in memory when loading returns; of others their
    /// beginning is.</summary>
    private const int SmallSize = 64 * 1024;

    /// <summary>How long rclone may take to give up an upload that was cancelled.</summary>
    private static readonly TimeSpan CancellationTimeout = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    protected override ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => LoadValueAsync(name, range, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var isInPlace = await RunAsync("store", name, canRepeat: true, async (server, remote) =>
        {
            if (mode == StoreMode.CreateNew) await CheckIsNewAsync(server, name, cancellationToken).ConfigureAwait(false);
            return !remote.NeedsTemporaryNames;
        }, cancellationToken).ConfigureAwait(false);
        if (isInPlace) await StoreInPlaceAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
        else await StoreByMoveAsync(name, () => name, value, mode, cancellationToken).ConfigureAwait(false);
    }

    // What is under way when the store is closed goes on, so that this does not ask whether it is open.
    private async ValueTask<ValueStream?> LoadValueAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => await RunAsync("load", name, canRepeat: true, async (server, remote) =>
        {
            var wanted = range;
            if (range.Offset < 0 || range.Length == 0)
            {
                // Of more bytes at the end than there are, storages make what they like, and some end rclone's answer without a word.
                if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is not { } item) return null;
                var (start, count) = range.Resolve(item.Size);
                if (count == 0) return Empty();
                wanted = new ByteRange(start, count);
            }
            return await LoadAsync(server, remote, name, wanted, cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);

    private static MemoryValueStream Empty() => new(ReadOnlyMemory<byte>.Empty);

    // "bytes 10-19/100", and for what lies outside the value also "bytes 200-99/100" or "bytes 0--1/0".
    [GeneratedRegex(@"^bytes ([0-9]+)--?[0-9]+/([0-9]+)$")]
    private static partial Regex RangePattern();

    private static (long Start, long Size)? RangeIn(string? contentRange)
        => contentRange is not null && RangePattern().Match(contentRange) is { Success: true } match
            && long.TryParse(match.Groups[1].ValueSpan, out var start) && long.TryParse(match.Groups[2].ValueSpan, out var size) ? (start, size) : null;

    // What was asked for, as far as the value reaches, and nothing else.
    private static long CheckLength(RcloneAnswer answer, ByteRange range, (long Start, long Size)? part)
    {
        // What lies behind the end comes without a length, and as a range that ends before it begins.
        if (part is var (_, whole) && range.Resolve(whole).Count == 0) return 0;
        if (answer.Length is not { } length) throw RcloneFailure.WrongAnswer("it does not say how long the value is");
        var isRight = part is var (start, size)
            ? length == range.Resolve(size).Count && start == range.Offset
            : range.Offset == 0 && !(length > range.Length);
        return isRight ? length : throw RcloneFailure.WrongAnswer("it sends another part of the value than was asked for");
    }

    private static RangeHeaderValue? ToHeader(ByteRange range)
    {
        if (range.IsWhole) return null;
        var isOpen = range.Length is not { } length || length > long.MaxValue - range.Offset;
        return new RangeHeaderValue(range.Offset, isOpen ? null : range.Offset + range.Length!.Value - 1);
    }

    private async Task<ValueStream?> LoadAsync(
        RcloneServer server, RcloneRemote remote, string name, ByteRange range, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"{Uri.EscapeDataString($"[{remote.ServedName}]")}/{Uri.EscapeDataString(name)}");
        request.Headers.Range = ToHeader(range);
        var answer = await server.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var isOurs = true;
        try
        {
            var part = RangeIn(answer.Range);
            if (answer.IsSuccess)
            {
                // Of an empty object some storages say neither a length nor a range.
                if (answer.Length is null && part is null && await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is { Size: 0 })
                    return Empty();
                var length = CheckLength(answer, range, part);
                isOurs = length <= SmallSize;
                return await ReceiveAsync(answer, name, range, length, cancellationToken).ConfigureAwait(false);
            }
            // It found the item and could not open it, as where storages refuse what begins behind the end.
            if (part is var (_, size) && range.Resolve(size).Count == 0) return Empty();
            var failure = await answer.ReadFailureAsync(cancellationToken).ConfigureAwait(false);
            if (failure.Message == "Not Found")
                throw new RcloneFailure(StoreError.BackendFailure, "rclone found it, and could not open it");
            return IsAbsent(failure) ? null : throw failure;
        }
        catch
        {
            isOurs = true;
            throw;
        }
        finally
        {
            if (isOurs) answer.Dispose();
        }
    }

    // What fails at the beginning of a value fails here, where it is tried again.
    private async Task<ValueStream> ReceiveAsync(
        RcloneAnswer answer, string name, ByteRange range, long length, CancellationToken cancellationToken)
    {
        var beginning = new byte[Math.Min(length, SmallSize)];
        var received = await answer.FillAsync(beginning, cancellationToken).ConfigureAwait(false);
        if (received < beginning.Length)
            throw new RcloneFailure(StoreError.ConnectionLost, $"rclone broke off after {received} of {length} bytes");
        return length <= SmallSize
            ? new MemoryValueStream(beginning)
            : new RcloneValueStream(answer, beginning, length,
                token => LoadValueAsync(name, range, token), failure => failure.While("load", name, _target));
    }

    // For a storage where a value appears as a whole.
    private async Task StoreInPlaceAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var turn = mode == StoreMode.CreateNew
            ? await Locks.EnterAsync(_target.Remote + name, cancellationToken).ConfigureAwait(false)
            : null;
        await ExplainAsync("store", name, RunAsync("store", name, value.CanReadAgain, async (server, _) =>
        {
            if (mode == StoreMode.CreateNew) await CheckIsNewAsync(server, name, cancellationToken).ConfigureAwait(false);
            return await UploadAsync(server, name, value, cancellationToken).ConfigureAwait(false);
        }, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stores a value under a name that nobody lists, and then gives it its own.</summary>
    /// <param name="shownName">The name for messages.</param>
    /// <param name="chooseName">Tells the name of the item, which may follow from its value.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What to do if the item already exists.</param>
    /// <param name="cancellationToken">Ends it, and leaves nothing.</param>
    private async Task StoreByMoveAsync(
        string shownName, Func<string> chooseName, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var temporaryName = $"{shownName[..(shownName.LastIndexOf('/') + 1)]}{Random.Shared.NextInt64():x16}{Suffixes.Temporary}";
        try
        {
            await ExplainAsync("store", shownName, RunAsync("store", shownName, value.CanReadAgain, (server, remote) => remote.IsLocal && value.Length <= SmallSize
                ? SendAsync(server, remote, temporaryName, value, cancellationToken)
                : UploadAsync(server, temporaryName, value, cancellationToken), cancellationToken), cancellationToken).ConfigureAwait(false);
            var name = chooseName();
            var isRepeated = false;
            await RunAsync("store", name, canRepeat: true, async (server, remote) =>
            {
                // What nobody else knows the name of has moved where it is gone: then it was the answer that was lost.
                if (isRepeated && await FindFileAsync(server, temporaryName, cancellationToken).ConfigureAwait(false) is null) return true;
                isRepeated = true;
                await MoveFileAsync(server, remote, temporaryName, name, mode, cancellationToken).ConfigureAwait(false);
                return true;
            }, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await RemoveTemporaryAsync(temporaryName).ConfigureAwait(false);
            throw;
        }
    }

    // What a kill leaves of a call is a temporary value.
    private static async Task<bool> SendAsync(
        RcloneServer server, RcloneRemote remote, string name, StoreValue value, CancellationToken cancellationToken)
    {
        var bytes = value.IsInMemory ? value.Bytes : await ReadAsync(value, cancellationToken).ConfigureAwait(false);
        // When the answer comes, rclone writes no more.
        using var patience = new CancellationTokenSource();
        using var cancellation = cancellationToken.UnsafeRegister(_ => patience.CancelAfter(CancellationTimeout), null);
        await server.Forms.SendAsync(remote.ServedName!, name, bytes).WaitAsync(patience.Token).ConfigureAwait(false);
        return true;
    }

    private static async Task<byte[]> ReadAsync(StoreValue value, CancellationToken cancellationToken)
    {
        var bytes = new byte[value.Length];
        var stream = value.OpenStream();
        await using (stream.ConfigureAwait(false)) await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return bytes;
    }

    private async Task<bool> UploadAsync(RcloneServer server, string name, StoreValue value, CancellationToken cancellationToken)
    {
        var upload = server.Uploads.Offer(value);
        await using (upload.ConfigureAwait(false))
        {
            // A cancelled upload is cut off, and rclone's answer awaited: when it comes, rclone writes no more.
            using var patience = new CancellationTokenSource();
            using var cancellation = cancellationToken.UnsafeRegister(_ =>
            {
                upload.Abort();
                patience.CancelAfter(CancellationTimeout);
            }, null);
            var parameters = On(name);
            parameters["url"] = upload.Address.AbsoluteUri;
            try
            {
                await server.CallAsync("operations/copyurl", parameters, patience.Token).ConfigureAwait(false);
                if (!await upload.WasSentAsync().ConfigureAwait(false))
                    throw new RcloneFailure(StoreError.BackendFailure, "rclone did not fetch the whole value");
                return true;
            }
            catch (Exception)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (upload.Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
                throw;
            }
        }
    }

    // As good as it goes: what can't be removed now is found later as what a crash left.
    private async Task RemoveTemporaryAsync(string name)
    {
        using var timeout = new CancellationTokenSource(CancellationTimeout);
        try
        {
            var server = await _service.GetServerAsync(timeout.Token).ConfigureAwait(false);
            await DeleteFileAsync(server, name, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RcloneFailure or OperationCanceledException)
        {
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        await GatherPlan.DemandAllAsync(request.Sources, FindCoreAsync, cancellationToken).ConfigureAwait(false);

        // No remote puts blocks together by itself, so that they come through here; the name follows from them where it is a hash.
        using var hasher = request.Target is null ? request.Algorithm!.CreateHasher() : null;
        var blocks = new BlockStream(LoadValueAsync, request.Sources, hasher);
        await using (blocks.ConfigureAwait(false))
        {
            var name = request.Target;
            await StoreByMoveAsync(name ?? request.Directory + "new", () => name ??= request.NameOf(hasher!.FinishHex()),
                new StoreValue(blocks, blocks.Length), request.Mode, cancellationToken).ConfigureAwait(false);
            return name!;
        }
    }
}
