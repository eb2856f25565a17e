using System.Buffers;
using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http.Handlers;

/// <summary>Handles requests about single items, except uploads.</summary>
internal static class ItemHandler
{
    // To send a hash before the value, the whole value must be in memory.
    private const int MaxDigestedValueSize = 1 << 20;

    public static async Task SendItemInfoAsync(StoreRequest request, ItemTimes times)
    {
        var name = request.Target.GetDirectory();
        using var lease = await request.EnterAsync();
        var info = await lease.Backend.FindAsync(name, request.Aborted) ?? throw StoreRequest.NotFound(name);

        var response = request.Response;
        response.ContentLength = info.Size;
        response.Headers["X-BorgStore-Is-Directory"] = info.IsDirectory ? "true" : "false";
        response.Headers["X-BorgStore-Atime"] = ItemTimes.Format(info.LastAccessTime ?? DateTime.UnixEpoch);
        response.Headers["X-BorgStore-Mtime"] = ItemTimes.Format(times.GetWriteTime(info));
        if (info.DeletedTime is { } deleted) response.Headers["X-BorgStore-Deltime"] = ItemTimes.Format(deleted);
    }

    public static async Task SendValueAsync(StoreRequest request)
    {
        var response = request.Response;
        var name = request.Target.GetReadableName();
        var rangeHeader = request.Http.Headers.Range.ToString();
        var range = RangeHeader.Parse(rangeHeader);

        using var lease = await request.EnterAsync();
        await using var value = await lease.Backend.LoadAsync(name, range, request.Aborted) ?? throw StoreRequest.NotFound(name);
        response.StatusCode = rangeHeader.Length > 0 ? StatusCodes.Status206PartialContent : StatusCodes.Status200OK;
        response.ContentType = "application/octet-stream";
        response.ContentLength = value.Length;
        if (range.IsWhole && value.Length <= MaxDigestedValueSize && ContentHash.IsWanted(request.Http))
            await SendDigestedAsync(request, value);
        else
            await ResponseBody.SendStreamAsync(request.Context, value, value.Length);
    }

    private static async Task SendDigestedAsync(StoreRequest request, ValueStream value)
    {
        var length = (int)value.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await value.ReadExactlyAsync(buffer.AsMemory(0, length), request.Aborted);
            ContentHash.SetDigest(request.Response, SHA256.HashData(buffer.AsSpan(0, length)));
            await request.Response.BodyWriter.WriteAsync(buffer.AsMemory(0, length), request.Aborted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static async Task DeleteAsync(StoreRequest request)
    {
        var name = request.Target.GetReadableName();
        using var lease = await request.EnterAsync();
        if (!await lease.Backend.DeleteAsync(name, request.Aborted)) throw StoreRequest.NotFound(name);
    }

    public static async Task MoveAsync(StoreRequest request, HashedNamespaces hashed)
    {
        var name = RequestTarget.CheckReadable(request.Target.Require("current"));
        var newName = request.Target.Require("new");
        ItemName.CheckWritable(newName, newName);
        hashed.CheckMove(name, newName);
        using var lease = await request.EnterAsync();
        if (!await lease.Backend.MoveAsync(name, newName, request.Mode, request.Aborted)) throw StoreRequest.NotFound(name);
    }

    public static async Task SendHashAsync(StoreRequest request)
    {
        var name = request.Target.GetReadableName();
        var algorithm = HashKind.Parse(request.Target["algorithm"] ?? HashKind.Sha256.Name);
        using var lease = await request.EnterAsync();
        var digest = await lease.Backend.HashAsync(name, algorithm, request.Aborted) ?? throw StoreRequest.NotFound(name);
        await ResponseBody.SendShortTextAsync(request.Context, digest);
    }
}
