using BorgStore.Server.Http.Handlers;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>Passes each request to its handler, by its method and command.</summary>
internal sealed class RequestDispatcher
{
    private readonly ItemTimes _times;
    private readonly HashedNamespaces _hashed;
    private readonly UploadHandler _uploads;
    private readonly ListingHandler _listings;
    private readonly BlockHandler _blocks;

    /// <summary>Creates the handlers.</summary>
    /// <param name="options">The options of the server.</param>
    public RequestDispatcher(ServerOptions options)
    {
        _times = new(options.StorageUrl);
        _hashed = new(options.ContentHashes);
        _uploads = new(options, _hashed);
        _listings = new(_times);
        _blocks = new(options, _hashed);
    }

    /// <summary>Returns whether any request has this method.</summary>
    public static bool IsMethodKnown(string method)
        => method == HttpMethods.Get || method == HttpMethods.Head || method == HttpMethods.Post || method == HttpMethods.Delete;

    /// <summary>Handles a permitted request.</summary>
    public Task HandleAsync(StoreRequest request) => request.Http.Method switch
    {
        "HEAD" => ItemHandler.SendItemInfoAsync(request, _times),
        "GET" => request.Target["cmd"] switch
        {
            "tree" => _listings.SendTreePageAsync(request),
            "temporaries" => _listings.SendTemporariesAsync(request),
            _ => request.Target.IsListing ? _listings.SendListingAsync(request) : ItemHandler.SendValueAsync(request),
        },
        "POST" => request.Target["cmd"] switch
        {
            null => _uploads.ReceiveValueAsync(request),
            "create" => MaintenanceHandler.CreateAsync(request),
            "mkdir" => MaintenanceHandler.MakeDirectoryAsync(request),
            "move" => ItemHandler.MoveAsync(request, _hashed),
            "hash" => ItemHandler.SendHashAsync(request),
            "defrag" => _blocks.DefragAsync(request),
            "gather" => _blocks.GatherAsync(request),
            "quota" => MaintenanceHandler.SendQuotaAsync(request),
            "flush" => MaintenanceHandler.FlushAsync(request),
            var cmd => throw UnknownCommand(cmd),
        },
        _ => request.Target["cmd"] switch
        {
            null => ItemHandler.DeleteAsync(request),
            "rmdir" => MaintenanceHandler.RemoveDirectoryAsync(request),
            "destroy" => MaintenanceHandler.DestroyAsync(request),
            "temporary" => MaintenanceHandler.DeleteTemporaryAsync(request),
            var cmd => throw UnknownCommand(cmd),
        },
    };

    private static StoreException UnknownCommand(string cmd)
        => new(StoreError.InvalidArgument, $"There is no command '{cmd}' for this method.");
}
