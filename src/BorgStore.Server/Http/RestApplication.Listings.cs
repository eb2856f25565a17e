using System.Globalization;
using System.Text.Json;
using BorgStore.Backends;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <content>Listings.</content>
internal sealed partial class RestApplication
{
    private const int MaxPageSize = 5000;
    private const int MostUnreadable = 1000;
    private const long SmallListing = 64 << 10;
    private const long MostOfWaitingListings = 1L << 30;

    private static readonly SemaphoreSlim Listings = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
    private readonly SharedLimit _waitingListings = new(MostOfWaitingListings, SmallListing, "listings that are read slowly");

    private Task SendListingAsync(HttpContext context, RequestTarget target)
    {
        var directory = target.GetDirectory();
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in backend.ListAsync(directory, ListScope.OneLevel, context.RequestAborted))
            {
                WriteItem(answer.Json, item, withDirectory: true);
                await answer.FlushAsync(context.RequestAborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // An extension: the files of a whole tree in pages, each starting after the last name of the previous one. With unreadable=tell, the response
    // lists the directories that cannot be read, in addition to the files of the others.
    private Task SendTreePageAsync(HttpContext context, RequestTarget target)
    {
        var directory = target.GetDirectory();
        var unreadable = target["unreadable"] == "tell" ? new UnreadableDirectories() : null;
        var limit = Math.Min(ParseNumber(target, "limit") ?? MaxPageSize, MaxPageSize);
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartObject();
            answer.Json.WriteStartArray("items");
            string? last = null;
            var count = 0;
            var isComplete = true;
            await foreach (var item in TreePage.WalkAsync(backend, directory, target["after"], unreadable, context.RequestAborted))
            {
                if (count++ == limit)
                {
                    isComplete = false;
                    break;
                }
                WriteItem(answer.Json, item, withDirectory: false);
                await answer.FlushAsync(context.RequestAborted);
                last = item.Name;
            }
            answer.Json.WriteEndArray();
            if (!isComplete) answer.Json.WriteString("next", last);
            if (unreadable?.Failure is { } failure)
            {
                answer.Json.WriteString("error", failure.Error.ToString());
                answer.Json.WriteStartArray("unreadable");
                foreach (var name in unreadable.Names.Take(MostUnreadable)) answer.Json.WriteStringValue(name);
                answer.Json.WriteEndArray();
            }
            answer.Json.WriteEndObject();
        });
    }

    private Task SendTemporariesAsync(HttpContext context, RequestTarget target)
    {
        var age = TimeSpan.FromSeconds(ParseNumber(target, "age") ?? 0);
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in backend.ListTemporaryAsync(age, context.RequestAborted))
            {
                answer.Json.WriteStartObject();
                answer.Json.WriteString("id", item.Id);
                answer.Json.WriteNumber("size", item.Size);
                // Exact, because a later request to delete the item passes this time to identify its state.
                answer.Json.WriteNumber("mtime", (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond);
                answer.Json.WriteEndObject();
                await answer.FlushAsync(context.RequestAborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // Storages read and sort whole directories. Only a few of them are in memory at a time, and none while a slow client reads the response.
    private async Task SendJsonAsync(HttpContext context, Func<IBackend, JsonAnswer, Task> write)
    {
        using var waiting = _waitingListings.Begin();
        await using var answer = new JsonAnswer(waiting.Take);
        using (var lease = await store.EnterAsync(context.RequestAborted))
        {
            await Listings.WaitAsync(context.RequestAborted);
            try
            {
                await write(lease.Backend, answer);
            }
            finally
            {
                Listings.Release();
            }
        }
        await using var body = await answer.ReadAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await SendStreamAsync(context, body);
    }

    private void WriteItem(Utf8JsonWriter json, ItemInfo item, bool withDirectory)
    {
        json.WriteStartObject();
        json.WriteString("name", item.Name);
        json.WriteNumber("size", item.Size);
        if (withDirectory) json.WriteBoolean("directory", item.IsDirectory);
        json.WriteNumber("atime", ToSeconds(item.LastAccessTime ?? DateTime.UnixEpoch));
        json.WriteNumber("mtime", ToSeconds(GetWriteTime(item)));
        json.WriteEndObject();
    }

    private static int? ParseNumber(RequestTarget target, string argument)
        => target[argument] is not { } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new StoreException(StoreError.InvalidArgument, $"The argument '{argument}' is no number.");
}
