using System.Globalization;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;
using BorgStore.Security;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <content>Directories, hashes, ranges of many items, defragmentation, and the store as a whole.</content>
internal sealed partial class RestApplication
{
    // In about the year 9998.
    private const decimal MostSeconds = 253_300_000_000m;

    private const int MaxBlocksBody = 32 << 20;
    private const AccessRights AnyWrite = AccessRights.Write | AccessRights.Overwrite;

    // The memory that a block takes during its request; the second constant is for blocks with a new name.
    private const int BytesPerBlock = 48;
    private const int BytesPerName = 300;
    private const long SmallList = 64 << 10;
    private const long MostOfLists = 128 << 20;

    private readonly SharedLimit _heldBlocks = new(MostOfLists, SmallList, "long lists of blocks");

    private async Task DestroyAsync(HttpContext context)
    {
        // Checked before the store is closed for it.
        if (options.Permissions?.Allows("", AccessRights.Delete) == false)
            throw new StoreException(StoreError.PermissionDenied, "The store's permissions refuse to destroy it.");
        await store.DestroyAsync(context.RequestAborted);
    }

    private async Task MakeDirectoryAsync(HttpContext context, RequestTarget target)
    {
        // Without a name, it is the store's own directory, which the Python client creates when items are at the root.
        var name = target.Name.Length == 0 ? "" : target.GetWritableName();
        using var lease = await store.EnterAsync(context.RequestAborted);
        await lease.Backend.MakeDirectoryAsync(name, context.RequestAborted);
    }

    private async Task RemoveDirectoryAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetDirectory();
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.RemoveDirectoryAsync(name, context.RequestAborted)) throw NotFound(name);
    }

    private async Task SendHashAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetReadableName();
        var algorithm = HashKind.Parse(target["algorithm"] ?? HashKind.Sha256.Name);
        using var lease = await store.EnterAsync(context.RequestAborted);
        var digest = await lease.Backend.HashAsync(name, algorithm, context.RequestAborted) ?? throw NotFound(name);
        await SendWordAsync(context, digest);
    }

    private async Task SendQuotaAsync(HttpContext context)
    {
        using var lease = await store.EnterAsync(context.RequestAborted);
        var quota = await lease.Backend.GetQuotaAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        await SendAsync(context, System.Text.Encoding.ASCII.GetBytes($$"""{"limit": {{quota.Limit ?? -1}}, "usage": {{quota.Used ?? -1}}}"""));
    }

    // An extension: answered once everything stored before is safe from a power failure.
    private async Task FlushAsync(HttpContext context)
    {
        using var lease = await store.EnterAsync(context.RequestAborted);
        await lease.Backend.FlushAsync(context.RequestAborted);
    }

    private async Task DeleteTemporaryAsync(HttpContext context, RequestTarget target)
    {
        var id = target["id"] ?? throw Missing("id");
        ItemName.CheckTemporary(id);
        if (!decimal.TryParse(target["mtime"] ?? throw Missing("mtime"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            || seconds > MostSeconds)
            throw new StoreException(StoreError.InvalidArgument, "'mtime' is no time in seconds.");
        var written = DateTime.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.DeleteTemporaryAsync(new TemporaryItem(id, 0, written), context.RequestAborted)) throw NotFound(id);
    }

    private async Task DefragAsync(HttpContext context, RequestTarget target)
    {
        var (algorithm, newName, ns) = (target["algorithm"], target["target"], target["namespace"]?.TrimEnd('/') ?? "");
        if (algorithm is null && newName is null) throw Missing("target or algorithm");
        if (newName is not null) ItemName.CheckWritable(newName, newName);
        if (ns.Length > 0) RequestTarget.CheckReadable(ns);

        if (newName is not null) options.Permissions?.Demand(newName, AnyWrite);
        else options.Permissions?.DemandBelow(ns, AnyWrite);

        using var held = _heldBlocks.Begin();
        var request = new DefragRequest(await ReadBlocksAsync(context, held, allowNegativeOffsets: false))
        {
            Target = newName,
            Algorithm = newName is null ? HashKind.Parse(algorithm!) : null,
            Namespace = ns,
            Levels = ParseNumber(target, "levels") ?? 0,
            Mode = GetMode(context.Request),
        };
        using var lease = await store.EnterAsync(context.RequestAborted);
        await SendWordAsync(context, await lease.Backend.DefragAsync(request, context.RequestAborted));
    }

    private async Task GatherAsync(HttpContext context)
    {
        using var held = _heldBlocks.Begin();
        var blocks = await ReadBlocksAsync(context, held, allowNegativeOffsets: true);
        using var lease = await store.EnterAsync(context.RequestAborted);
        await using var value = await lease.Backend.GatherAsync(blocks, context.RequestAborted);
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = value.Length;
        await SendStreamAsync(context, value);
    }

    private async Task<IReadOnlyList<Block>> ReadBlocksAsync(HttpContext context, SharedLimit.Holding held, bool allowNegativeOffsets)
    {
        if (context.Request.ContentLength is not <= MaxBlocksBody)
            throw new StoreException(StoreError.InvalidArgument, $"The list of blocks needs a length of at most {MaxBlocksBody} bytes.");
        if (options.Stdio) context.Request.Headers.Remove("Expect");
        return await BlockList.ReadAsync(context.Request.BodyReader, allowNegativeOffsets, (name, isNewName) =>
        {
            if (isNewName) options.Permissions?.Demand(name, AccessRights.Read);
            held.Take(isNewName ? BytesPerName : BytesPerBlock);
        }, context.RequestAborted);
    }
}
