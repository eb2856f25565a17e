using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Drive;

/// <summary>A drive that shows a store. Its root is the URL of the store, without secrets and options.</summary>
public sealed class BorgStoreDriveInfo : PSDriveInfo
{
    private readonly BorgStoreInfo _store;
    private readonly PathIntrinsics _paths;

    // The credential is not kept, because the store needs it only while it is opened.
    internal BorgStoreDriveInfo(PSDriveInfo drive, string root, BorgStoreInfo store, StoreSession session, PathIntrinsics paths)
        : base(drive.Name, drive.Provider, root, drive.Description, credential: null)
        => (_store, Session, _paths, Prefix) = (store, session, paths, DrivePath.Normalize(root));

    /// <summary>The store, as <c>Open-BorgStore</c> returns it.</summary>
    public BorgStoreInfo Store => Session.FindReopened(_store);

    internal StoreSession Session { get; }

    /// <summary>The normalized root, by which paths are recognised.</summary>
    internal string Prefix { get; }

    internal RecentAnswers Recent { get; } = new();

    /// <summary>The lock for changes, if the store is a Borg 2 repository.</summary>
    internal DriveLock Lock { get; } = new();

    /// <summary>The path of the provider at which the session is, if that is one of this provider.</summary>
    internal string? Location
    {
        get
        {
            var location = _paths.CurrentLocation;
            return location.Provider.Name == Provider.Name ? location.ProviderPath : null;
        }
    }

    /// <summary>Returns the store if it is open.</summary>
    /// <exception cref="StoreException">It was closed.</exception>
    internal Store Open() => Store is { IsOpen: true, Connection.Store: var store } ? store
        : throw new StoreException(StoreError.StoreNotOpen,
            $"The store of the drive '{Name}' was closed. Open '{Root}' again with Open-BorgStore, or remove the drive with Remove-PSDrive and create it again.", Root);

    internal BorgStoreItem Describe(StoreItem item) => new(item, Store.Connection.Handle);

    /// <summary>Lists the items of a namespace whose keys begin with a prefix.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="prefix">The prefix, in any case: keys are lower case.</param>
    /// <param name="selection">Which items to list.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal IAsyncEnumerable<StoreItem> ListAsync(string ns, string prefix, ItemSelection selection, CancellationToken cancellationToken)
        => Open().ListAsync(ns, prefix.ToLowerInvariant(), selection, cancellationToken);
}
