using BorgStore.Backends;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>A permitted request on a store.</summary>
/// <param name="context">The request and its response.</param>
/// <param name="target">The target within the store.</param>
/// <param name="store">The store, as the user may use it.</param>
internal sealed class StoreRequest(HttpContext context, RequestTarget target, StoreAccess store)
{
    /// <summary>The request and its response.</summary>
    public HttpContext Context => context;

    /// <summary>The request.</summary>
    public HttpRequest Http => context.Request;

    /// <summary>The response.</summary>
    public HttpResponse Response => context.Response;

    /// <summary>Canceled when the client is gone.</summary>
    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>The target within the store.</summary>
    public RequestTarget Target => target;

    /// <summary>The store, as the user may use it.</summary>
    public StoreAccess Store => store;

    /// <summary>Whether an existing item may be replaced. "If-None-Match: *", an extension, keeps it.</summary>
    public StoreMode Mode => context.Request.Headers.IfNoneMatch is ["*"] ? StoreMode.CreateNew : StoreMode.Overwrite;

    /// <summary>Begins to use the open store.</summary>
    public ValueTask<StoreAccess.Lease> EnterAsync() => store.EnterAsync(context.RequestAborted);

    /// <summary>Returns the exception for an item that does not exist.</summary>
    public static StoreException NotFound(string name) => new(StoreError.ObjectNotFound, name: name);
}
