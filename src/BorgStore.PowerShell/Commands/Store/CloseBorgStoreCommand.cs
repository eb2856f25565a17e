using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Closes stores, after what is in flight.</summary>
[Cmdlet(VerbsCommon.Close, "BorgStore")]
public sealed class CloseBorgStoreCommand : StoreCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public BorgStoreInfo[]? Store { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        foreach (var store in Store ?? [Session.FindOnly()])
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
