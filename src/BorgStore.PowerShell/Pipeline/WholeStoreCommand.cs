using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of the cmdlets that act on a whole store. They bind the store by value, never from a property of an item.</summary>
public abstract class WholeStoreCommand : StoreCommand
{
    [Parameter(ValueFromPipeline = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    /// <inheritdoc/>
    protected sealed override void Process()
    {
        ThrowIfStoreIsEmpty(Store);
        Process(Lease(Store));
    }

    /// <summary>Called for each store.</summary>
    private protected abstract void Process(StoreLease store);
}
