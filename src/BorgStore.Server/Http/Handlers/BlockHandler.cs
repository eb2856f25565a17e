using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;
using BorgStore.Security;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Http.Handlers;

/// <summary>Handles requests with lists of blocks: defragmentation and gathering.</summary>
internal sealed class BlockHandler(ServerOptions options, HashedNamespaces hashed)
{
    private const int MaxBlocksBody = 32 << 20;

    // The memory that a block takes during its request; the second constant is for blocks with a new name.
    private const int BytesPerBlock = 48;
    private const int BytesPerName = 300;
    private const long SmallList = 64 << 10;
    private const long MaxBlockListBytes = 128 << 20;

    private readonly SharedLimit _heldBlocks = new(MaxBlockListBytes, SmallList, "long lists of blocks");

    public async Task DefragAsync(StoreRequest request)
    {
        var (algorithm, newName, ns) = (request.Target["algorithm"], request.Target["target"], request.Target["namespace"]?.TrimEnd('/') ?? "");
        if (algorithm is null && newName is null) throw RequestTarget.Missing("target or algorithm");
        if (newName is not null) ItemName.CheckWritable(newName, newName);
        if (ns.Length > 0) RequestTarget.CheckReadable(ns);

        if (newName is not null) request.Store.ThrowIfDenied(newName, PermissionMap.AnyWrite);
        else request.Store.ThrowIfDeniedBelow(ns, PermissionMap.AnyWrite);

        using var held = _heldBlocks.Begin();
        var defrag = new DefragRequest(await ReadBlocksAsync(request, held, allowNegativeOffsets: false))
        {
            Target = newName,
            Algorithm = newName is null ? HashKind.Parse(algorithm!) : null,
            Namespace = ns,
            Levels = request.Target.GetNumber("levels") ?? 0,
            Mode = request.Mode,
        };
        hashed.CheckDefrag(defrag);
        using var lease = await request.EnterAsync();
        await ResponseBody.SendShortTextAsync(request.Context, await lease.Backend.DefragAsync(defrag, request.Aborted));
    }

    public async Task GatherAsync(StoreRequest request)
    {
        using var held = _heldBlocks.Begin();
        var blocks = await ReadBlocksAsync(request, held, allowNegativeOffsets: true);
        using var lease = await request.EnterAsync();
        await using var value = await lease.Backend.GatherAsync(blocks, request.Aborted);
        request.Response.ContentType = "application/octet-stream";
        request.Response.ContentLength = value.Length;
        await ResponseBody.SendStreamAsync(request.Context, value, value.Length);
    }

    private async Task<IReadOnlyList<Block>> ReadBlocksAsync(StoreRequest request, SharedLimit.Lease held, bool allowNegativeOffsets)
    {
        if (request.Http.ContentLength is not <= MaxBlocksBody)
            throw new StoreException(StoreError.InvalidArgument, $"The list of blocks needs a length of at most {MaxBlocksBody} bytes.");
        if (options.Stdio) request.Http.Headers.Remove("Expect");
        return await BlockList.ReadAsync(request.Http.BodyReader, allowNegativeOffsets, (name, isNewName) =>
        {
            if (isNewName) request.Store.ThrowIfDenied(name, AccessRights.Read);
            held.Take(isNewName ? BytesPerName : BytesPerBlock);
        }, request.Aborted);
    }
}
