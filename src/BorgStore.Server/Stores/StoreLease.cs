using BorgStore.Server.Http;

namespace BorgStore.Server.Stores;

/// <summary>The store of a request, kept open until the request ends.</summary>
/// <param name="access">The store, as the user may use it.</param>
/// <param name="target">The target within the store.</param>
/// <param name="end">Called when the request ends.</param>
internal readonly struct StoreLease(StoreAccess access, RequestTarget target, Action? end = null) : IDisposable
{
    /// <summary>The store, as the user may use it.</summary>
    public StoreAccess Access => access;

    /// <summary>The target within the store.</summary>
    public RequestTarget Target => target;

    /// <summary>Ends the request.</summary>
    public void Dispose() => end?.Invoke();
}
