using System.Globalization;
using System.Text;
using BorgStore.Backends;
using BorgStore.Naming;

namespace BorgStore.Server.Http.Handlers;

/// <summary>Handles requests about the store as a whole, its directories and what crashes left in it.</summary>
internal static class MaintenanceHandler
{
    // In about the year 9998.
    private const decimal MaxSeconds = 253_300_000_000m;

    public static Task CreateAsync(StoreRequest request) => request.Store.CreateAsync(request.Aborted);

    public static Task DestroyAsync(StoreRequest request) => request.Store.DestroyAsync(request.Aborted);

    public static async Task MakeDirectoryAsync(StoreRequest request)
    {
        // Without a name, it is the store's own directory, which the Python client creates when items are at the root.
        var name = request.Target.Name.Length == 0 ? "" : request.Target.GetWritableName();
        using var lease = await request.EnterAsync();
        await lease.Backend.MakeDirectoryAsync(name, request.Aborted);
    }

    public static async Task RemoveDirectoryAsync(StoreRequest request)
    {
        var name = request.Target.GetDirectory();
        using var lease = await request.EnterAsync();
        if (!await lease.Backend.RemoveDirectoryAsync(name, request.Aborted)) throw StoreRequest.NotFound(name);
    }

    public static async Task SendQuotaAsync(StoreRequest request)
    {
        using var lease = await request.EnterAsync();
        var quota = await lease.Backend.GetQuotaAsync(request.Aborted);
        request.Response.ContentType = "application/json";
        await ResponseBody.SendAsync(request.Context, Encoding.ASCII.GetBytes($$"""{"limit": {{quota.Limit ?? -1}}, "usage": {{quota.Used ?? -1}}}"""));
    }

    // An extension: answered once everything stored before is safe from a power failure.
    public static async Task FlushAsync(StoreRequest request)
    {
        using var lease = await request.EnterAsync();
        await lease.Backend.FlushAsync(request.Aborted);
    }

    public static async Task DeleteTemporaryAsync(StoreRequest request)
    {
        var id = request.Target.Require("id");
        ItemName.CheckTemporary(id);
        if (!decimal.TryParse(request.Target.Require("mtime"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            || seconds > MaxSeconds)
            throw new StoreException(StoreError.InvalidArgument, "'mtime' is no time in seconds.");
        var written = DateTime.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
        using var lease = await request.EnterAsync();
        if (!await lease.Backend.DeleteTemporaryAsync(new TemporaryItem(id, 0, written), request.Aborted)) throw StoreRequest.NotFound(id);
    }
}
