using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Closes stores after the operations in progress.</summary>
[Cmdlet(VerbsCommon.Close, "BorgStore")]
public sealed class CloseBorgStoreCommand : StoreCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [OpenStoreTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public BorgStoreInfo[]? Store { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        // Closing nothing is fine if no store is open.
        foreach (var store in Store ?? (Session.OpenStores.Count == 0 ? [] : [Session.GetDefaultStore()]))
        {
            try
            {
                Wait(_ => Session.CloseAsync(store));
            }
            catch (StoreException e)
            {
                WriteError(e, store);
            }
        }
    }
}
