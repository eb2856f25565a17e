using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>What the cmdlets have in common that ask a store as a whole. They take it by value, never from an item's property.</summary>
public abstract class WholeStoreCommand : StoreCommand
{
    [Parameter(ValueFromPipeline = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    /// <inheritdoc/>
    protected sealed override void Process()
    {
        RefuseEmptyStore(Store);
        Process(Lease(Store));
    }

    /// <summary>Called for each store.</summary>
    private protected abstract void Process(StoreLease store);
}
