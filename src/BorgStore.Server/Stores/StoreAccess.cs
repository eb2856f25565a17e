using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Security;

namespace BorgStore.Server.Stores;

/// <summary>A store as one user may use it.</summary>
/// <param name="store">The store, which all users share; <see langword="null"/> for one that does not exist for the user.</param>
/// <param name="permissions">The rights of the user, or <see langword="null"/> if everything is allowed.</param>
internal sealed class StoreAccess(SharedBackend? store, PermissionMap? permissions)
{
    /// <summary>A store that the user may not use, whether it exists or not. Requests are answered as for one that does not exist.</summary>
    public static readonly StoreAccess Hidden = new(null, null);

    /// <summary>Begins a request, opening the store if necessary.</summary>
    /// <returns>A lease whose disposal ends the request.</returns>
    public async ValueTask<Lease> EnterAsync(CancellationToken cancellationToken)
    {
        if (store is null) throw DoesNotExist("open");
        var session = await store.EnterAsync(cancellationToken);
        return new(session, Restrict(session.Backend), permissions);
    }

    /// <summary>Creates the store.</summary>
    public Task CreateAsync(CancellationToken cancellationToken)
        => store?.CreateAsync(Restrict, cancellationToken)
            ?? throw new StoreException(StoreError.PermissionDenied, "You may not create a store of this name.") { IsExplained = true };

    /// <summary>Destroys the store after the requests in progress.</summary>
    public Task DestroyAsync(CancellationToken cancellationToken)
    {
        if (store is null) throw DoesNotExist("destroy");
        // Checked before the store is closed for it.
        if (permissions?.Allows("", AccessRights.Delete) == false)
            throw new StoreException(StoreError.PermissionDenied, "The store's permissions refuse to destroy it.");
        return store.DestroyAsync(Restrict, cancellationToken);
    }

    /// <summary>Throws <see cref="StoreError.PermissionDenied"/> unless one of some rights is granted for a name.</summary>
    public void ThrowIfDenied(string name, AccessRights anyOf) => permissions?.ThrowIfDenied(name, anyOf);

    /// <summary>Throws <see cref="StoreError.PermissionDenied"/> unless one of some rights is granted for everything below a directory.</summary>
    public void ThrowIfDeniedBelow(string directory, AccessRights anyOf) => permissions?.ThrowIfDeniedBelow(directory, anyOf);

    /// <summary>Adds to the bytes of unfinished chunked uploads to the store, of all users.</summary>
    /// <returns>The bytes of all those uploads.</returns>
    public long AddSpooled(long bytes) => store?.AddSpooled(bytes) ?? 0;

    private static StoreException DoesNotExist(string doing) => new StoreException(StoreError.StoreDoesNotExist).Explain($"{doing} the store", null);

    private ExplainingBackend Restrict(IBackend backend)
        => new(permissions is null ? backend : new PermissionBackend(backend, permissions), displayUrl: null);

    /// <summary>The lease of a request on the open store.</summary>
    public readonly struct Lease(SharedBackend.Session session, IBackend backend, PermissionMap? permissions) : IDisposable
    {
        /// <summary>The backend, with the permissions of the user in force.</summary>
        public IBackend Backend => backend;

        /// <summary>An object that is equal for requests with the same rights to the same open store.</summary>
        public object Scope => (session, permissions);

        /// <summary>Ends the request.</summary>
        public void Dispose() => session.Leave();
    }
}
