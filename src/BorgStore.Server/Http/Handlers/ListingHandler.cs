using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Http.Handlers;

/// <summary>Handles requests for listings.</summary>
internal sealed class ListingHandler(ItemTimes times)
{
    private const int MaxPageSize = 5000;
    private const int MaxUnreadable = 1000;
    private const long SmallListing = 64 << 10;
    private const long MaxWaitingListingBytes = 1L << 30;

    private const int MaxWaitingWalks = 8;
    private static readonly TimeSpan MaxWalkWait = TimeSpan.FromSeconds(30);
    private readonly PagedWalks _pagedWalks = new(MaxWaitingWalks, MaxWalkWait);

    private static readonly SemaphoreSlim Listings = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
    private readonly SharedLimit _waitingListings = new(MaxWaitingListingBytes, SmallListing, "listings that are read slowly");

    public Task SendListingAsync(StoreRequest request)
    {
        var (directory, prefix) = (request.Target.GetDirectory(), request.Target.GetPrefix());
        return SendJsonAsync(request, async (lease, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in lease.Backend.ListAsync(directory, ListScope.OneLevel, prefix, request.Aborted))
            {
                WriteItem(answer.Json, item, withDirectory: true);
                await answer.FlushAsync(request.Aborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // An extension: the files of a whole tree in pages, each starting after the last name of the previous one. With unreadable=tell, the response
    // lists the directories that cannot be read, in addition to the files of the others.
    public Task SendTreePageAsync(StoreRequest request)
    {
        var target = request.Target;
        var (directory, prefix, after) = (target.GetDirectory(), target.GetPrefix(), target["after"]);
        var tellsUnreadable = target["unreadable"] == "tell";
        var limit = Math.Min(target.GetNumber("limit") ?? MaxPageSize, MaxPageSize);
        return SendJsonAsync(request, async (lease, answer) =>
        {
            var page = new TreePage(lease.Scope, directory, prefix, tellsUnreadable, after);
            var walk = _pagedWalks.Begin(page, lease.Backend);
            try
            {
                var last = await WriteTreePageAsync(request, answer, walk, limit);
                if (last is null) return;
                walk.EndPage();
                _pagedWalks.Keep(page with { After = last }, walk);
                walk = null;
            }
            finally
            {
                if (walk is not null) await walk.DisposeAsync();
            }
        });
    }

    // Returns the path of the last file if there are more.
    private async Task<string?> WriteTreePageAsync(StoreRequest request, JsonResponse answer, PagedWalk walk, int limit)
    {
        using var cancellation = walk.CancelWith(request.Aborted);
        answer.Json.WriteStartObject();
        answer.Json.WriteStartArray("items");
        string? last = null;
        var count = 0;
        var isComplete = true;
        while (await walk.MoveNextAsync())
        {
            if (count++ == limit)
            {
                isComplete = false;
                break;
            }
            WriteItem(answer.Json, walk.Current, withDirectory: false);
            await answer.FlushAsync(request.Aborted);
            last = walk.Current.Name;
        }
        answer.Json.WriteEndArray();
        if (!isComplete) answer.Json.WriteString("next", last);
        if (walk.Unreadable is { Failure: { } failure } unreadable)
        {
            answer.Json.WriteString("error", failure.Error.ToString());
            answer.Json.WriteStartArray("unreadable");
            foreach (var name in unreadable.Names.Take(MaxUnreadable)) answer.Json.WriteStringValue(name);
            answer.Json.WriteEndArray();
        }
        answer.Json.WriteEndObject();
        return isComplete ? null : last;
    }

    public Task SendTemporariesAsync(StoreRequest request)
    {
        var age = TimeSpan.FromSeconds(request.Target.GetNumber("age") ?? 0);
        return SendJsonAsync(request, async (lease, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in lease.Backend.ListTemporaryAsync(age, request.Aborted))
            {
                answer.Json.WriteStartObject();
                answer.Json.WriteString("id", item.Id);
                answer.Json.WriteNumber("size", item.Size);
                // Exact, because a later request to delete the item passes this time to identify its state.
                answer.Json.WriteNumber("mtime", (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond);
                answer.Json.WriteEndObject();
                await answer.FlushAsync(request.Aborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // Storages read and sort whole directories. Only a few of them are in memory at a time, and none while a slow client reads the response.
    private async Task SendJsonAsync(StoreRequest request, Func<StoreAccess.Lease, JsonResponse, Task> write)
    {
        using var waiting = _waitingListings.Begin();
        await using var answer = new JsonResponse(waiting.Take);
        using (var lease = await request.EnterAsync())
        {
            await Listings.WaitAsync(request.Aborted);
            try
            {
                await write(lease, answer);
            }
            finally
            {
                Listings.Release();
            }
        }
        await using var body = await answer.ReadAsync(request.Aborted);
        request.Response.ContentType = "application/json";
        request.Response.ContentLength = answer.Length;
        await ResponseBody.SendStreamAsync(request.Context, body, answer.Length);
    }

    private void WriteItem(Utf8JsonWriter json, ItemInfo item, bool withDirectory)
    {
        json.WriteStartObject();
        json.WriteString("name", item.Name);
        json.WriteNumber("size", item.Size);
        if (withDirectory) json.WriteBoolean("directory", item.IsDirectory);
        json.WriteNumber("atime", ItemTimes.ToSeconds(item.LastAccessTime ?? DateTime.UnixEpoch));
        json.WriteNumber("mtime", ItemTimes.ToSeconds(times.GetWriteTime(item)));
        if (item.DeletedTime is { } deleted) json.WriteNumber("deltime", ItemTimes.ToSeconds(deleted));
        json.WriteEndObject();
    }
}
