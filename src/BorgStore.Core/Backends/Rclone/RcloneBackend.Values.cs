using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using System.Text.RegularExpressions;
using BorgStore.Backends.Gathering;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Naming;

namespace BorgStore.Backends.Rclone;

/// <content>Operations on values: load, store and defragment.</content>
internal sealed partial class RcloneBackend
{
    /// <summary>Values up to this size [bytes] may be sent inside a call, and are completely
    /// in memory when loading returns; of larger values only the beginning is.</summary>
    private const int SmallSize = 64 * 1024;

    /// <summary>The time limit for rclone to stop a cancelled upload.</summary>
    private static readonly TimeSpan CancellationTimeout = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
        => await WriteAsync(name, value.CanReadAgain, SendOrUpload(value, cancellationToken), mode, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async ValueTask<long?> CopyFromCoreAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        if (origin.Storage is not RcloneBackend other) return null;
        using var reading = other.Gate.Enter(cancellationToken);
        var size = await RunAsync<long?>(name, canRepeat: true, async (server, remote) =>
        {
            var source = await server.GetRemoteAsync(other._target.Remote, cancellationToken).ConfigureAwait(false);
            // Between two remotes, or on one that cannot copy, rclone itself would download and upload the value.
            if (!remote.Copies || source.ConfigName != remote.ConfigName) return null;
            return (await other.FindFileAsync(server, origin.Name, cancellationToken).ConfigureAwait(false))?.Size;
        }, cancellationToken).ConfigureAwait(false);
        if (size is null) return null;
        await WriteAsync(name, canRepeat: true, (server, _, newName) => server.CallAsync(
            "operations/copyfile", FromTo(other._target, origin.Name, newName), cancellationToken), mode, cancellationToken).ConfigureAwait(false);
        return size;
    }

    // Writes a value whole or not at all. The function writes it under the name that it is given.
    private async Task WriteAsync(string name, bool canRepeat, Func<RcloneServer, RcloneRemote, string, Task<bool>> write, StoreMode mode, CancellationToken cancellationToken)
    {
        var isInPlace = await RunAsync(name, canRepeat: true, async (server, remote) =>
        {
            if (mode == StoreMode.CreateNew) await CheckIsNewAsync(server, name, cancellationToken).ConfigureAwait(false);
            return !remote.NeedsTemporaryNames;
        }, cancellationToken).ConfigureAwait(false);
        if (isInPlace) await WriteInPlaceAsync(name, canRepeat, write, mode, cancellationToken).ConfigureAwait(false);
        else await WriteByMoveAsync(name, () => name, canRepeat, write, mode, cancellationToken).ConfigureAwait(false);
    }

    private Func<RcloneServer, RcloneRemote, string, Task<bool>> SendOrUpload(StoreValue value, CancellationToken cancellationToken)
        => (server, remote, name) => remote.IsLocal && value.Length <= SmallSize
            ? SendAsync(server, remote, name, value, cancellationToken)
            : UploadAsync(server, name, value, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => await RunAsync(name, canRepeat: true, async (server, remote) =>
        {
            if (range.Offset >= 0 && range.Length != 0) return await LoadAsync(server, remote, name, range, size: null, cancellationToken).ConfigureAwait(false);
            // Storages handle a suffix longer than the value differently, and some break off rclone's response without an error.
            return await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is { } item
                ? await LoadAsync(server, remote, name, range, item.Size, cancellationToken).ConfigureAwait(false) : null;
        }, cancellationToken).ConfigureAwait(false);

    private static MemoryValueStream Empty() => new(ReadOnlyMemory<byte>.Empty);

    // "bytes 10-19/100"; for a range outside the value also "bytes 200-99/100" or "bytes 0--1/0".
    [GeneratedRegex(@"^bytes ([0-9]+)--?[0-9]+/([0-9]+)$")]
    private static partial Regex RangePattern();

    private static (long Start, long Size)? RangeIn(string? contentRange)
        => contentRange is not null && RangePattern().Match(contentRange) is { Success: true } match
            && long.TryParse(match.Groups[1].ValueSpan, out var start) && long.TryParse(match.Groups[2].ValueSpan, out var size) ? (start, size) : null;

    // Checks that the response contains exactly the part of the requested range that is inside the value.
    private static long CheckLength(RcloneResponse answer, ByteRange range, (long Start, long Size)? part)
    {
        // A range behind the end has no length in the response, or ends before it starts.
        if (part is var (_, whole) && range.Resolve(whole).Count == 0) return 0;
        if (answer.Length is not { } length) throw RcloneFailure.InvalidResponse("it does not contain the length of the value");
        var isRight = part is var (start, size)
            ? length == range.Resolve(size).Count && start == range.Offset
            : range.Offset == 0 && !(length > range.Length);
        return isRight ? length : throw RcloneFailure.InvalidResponse("it contains a different part of the value than the requested one");
    }

    private static RangeHeaderValue? ToHeader(ByteRange range)
    {
        if (range.IsWhole) return null;
        var isOpen = range.Length is not { } length || length > long.MaxValue - range.Offset;
        return new RangeHeaderValue(range.Offset, isOpen ? null : range.Offset + range.Length!.Value - 1);
    }

    // The size, if it is known, is that of the value a moment ago.
    private async Task<ValueStream?> LoadAsync(
        RcloneServer server, RcloneRemote remote, string name, ByteRange wanted, long? size, CancellationToken cancellationToken)
    {
        var range = wanted;
        if (size is { } known)
        {
            var (start, count) = wanted.Resolve(known);
            if (count == 0) return Empty();
            range = new(start, count);
        }
        var request = new HttpRequestMessage(HttpMethod.Get, $"{Uri.EscapeDataString($"[{remote.ServedName}]")}/{Uri.EscapeDataString(name)}");
        request.Headers.Range = ToHeader(range);
        var answer = await server.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var isOurs = true;
        try
        {
            var part = RangeIn(answer.Range);
            // Replaced in the meantime, so that its end is elsewhere.
            if (size is not null && part is var (_, newSize) && newSize != size)
                return await LoadAsync(server, remote, name, wanted, newSize, cancellationToken).ConfigureAwait(false);
            if (answer.IsSuccess)
            {
                // Some storages return neither a length nor a range for an empty object.
                if (answer.Length is null && part is null && await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is { Size: 0 })
                    return Empty();
                var length = CheckLength(answer, range, part);
                isOurs = length <= SmallSize;
                return await ReceiveAsync(answer, name, wanted, length, cancellationToken).ConfigureAwait(false);
            }
            // Rclone found the item but could not open it, for example because the storage refuses a range behind the end.
            if (part is var (_, whole) && range.Resolve(whole).Count == 0) return Empty();
            var failure = await answer.ReadFailureAsync(cancellationToken).ConfigureAwait(false);
            if (failure.Message == "Not Found")
                throw new RcloneFailure(StoreError.BackendFailure, "rclone found it but could not open it");
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

    // Failures at the beginning of a value are raised here, where they are retried.
    private async Task<ValueStream> ReceiveAsync(
        RcloneResponse answer, string name, ByteRange wanted, long length, CancellationToken cancellationToken)
    {
        var beginning = new byte[Math.Min(length, SmallSize)];
        var received = await answer.FillAsync(beginning, cancellationToken).ConfigureAwait(false);
        if (received < beginning.Length)
            throw new RcloneFailure(StoreError.ConnectionLost, $"rclone stopped after {received} of {length} bytes");
        return length <= SmallSize
            ? new MemoryValueStream(beginning)
            : new RcloneValueStream(answer, beginning, length,
                (failure, token) =>
                {
                    ReportRetry(name, 2, failure);
                    return LoadCoreAsync(name, wanted, token);
                }, failure => failure.ToException(name, _target));
    }

    // For a storage in which values appear atomically.
    private async Task WriteInPlaceAsync(string name, bool canRepeat, Func<RcloneServer, RcloneRemote, string, Task<bool>> write, StoreMode mode, CancellationToken cancellationToken)
    {
        using var turn = mode == StoreMode.CreateNew
            ? await Locks.EnterAsync(_target.Remote + name, cancellationToken).ConfigureAwait(false)
            : null;
        await ExplainAsync(name, RunAsync(name, canRepeat, async (server, remote) =>
        {
            if (mode == StoreMode.CreateNew) await CheckIsNewAsync(server, name, cancellationToken).ConfigureAwait(false);
            return await write(server, remote, name).ConfigureAwait(false);
        }, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a value under a temporary name that is not listed, and then renames it.</summary>
    /// <param name="displayName">The name for messages.</param>
    /// <param name="chooseName">Returns the name of the item, which may depend on its value.</param>
    /// <param name="canRepeat">Whether it can be written again after a failure.</param>
    /// <param name="write">Writes it under the name that it is given.</param>
    /// <param name="mode">What to do if the item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation, which then leaves nothing behind.</param>
    private async Task WriteByMoveAsync(string displayName, Func<string> chooseName, bool canRepeat,
        Func<RcloneServer, RcloneRemote, string, Task<bool>> write, StoreMode mode, CancellationToken cancellationToken)
    {
        var temporaryName = $"{displayName[..(displayName.LastIndexOf('/') + 1)]}{Random.Shared.NextInt64():x16}{Suffixes.Temporary}";
        try
        {
            await ExplainAsync(displayName, RunAsync(displayName, canRepeat,
                (server, remote) => write(server, remote, temporaryName), cancellationToken), cancellationToken).ConfigureAwait(false);
            var name = chooseName();
            var isRepeated = false;
            await RunAsync(name, canRepeat: true, async (server, remote) =>
            {
                // Only we know the temporary name: if it is gone, the move succeeded and just its response was lost.
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

    // If rclone is killed during the call, a temporary value is left behind.
    private static async Task<bool> SendAsync(
        RcloneServer server, RcloneRemote remote, string name, StoreValue value, CancellationToken cancellationToken)
    {
        var bytes = value.IsInMemory ? value.Bytes : await ReadAsync(value, cancellationToken).ConfigureAwait(false);
        // Rclone writes nothing more after its response.
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
        var upload = server.Uploads.Add(value);
        await using (upload.ConfigureAwait(false))
        {
            // A cancelled upload is aborted, and rclone's response is awaited because rclone writes nothing more after it.
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

    // Best effort: a value that cannot be removed now is listed later like one that a crash left behind.
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
        await GatherPlan.ThrowIfAnyOutsideAsync(request.Sources, FindCoreAsync, cancellationToken).ConfigureAwait(false);

        // No remote can join blocks itself, so they are read here; the name depends on them if it is a hash.
        using var hasher = request.Target is null ? request.Algorithm!.CreateHasher() : null;
        var blocks = new BlockStream(LoadCoreAsync, request.Sources, hasher);
        await using (blocks.ConfigureAwait(false))
        {
            var name = request.Target;
            await WriteByMoveAsync(name ?? request.Directory + "new", () => name ??= request.NameOf(hasher!.FinishHex()), canRepeat: false,
                SendOrUpload(new(blocks, blocks.Length), cancellationToken), request.Mode, cancellationToken).ConfigureAwait(false);
            return name!;
        }
    }
}
