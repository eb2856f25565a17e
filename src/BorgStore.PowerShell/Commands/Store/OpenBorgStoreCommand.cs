using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Opens a store.</summary>
[Cmdlet(VerbsCommon.Open, "BorgStore")]
[OutputType(typeof(BorgStoreInfo))]
public sealed class OpenBorgStoreCommand : OpeningCommand
{
    /// <inheritdoc/>
    protected override void End()
    {
        var options = ReadOptions();
        Register(Wait(token => Store.OpenAsync(options, token)), options);
    }
}
