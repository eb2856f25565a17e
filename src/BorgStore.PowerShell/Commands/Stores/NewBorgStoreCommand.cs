using System.Management.Automation;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Creates a store in an empty place and opens it.</summary>
[Cmdlet(VerbsCommon.New, "BorgStore", DefaultParameterSetName = ByUri, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreInfo))]
public sealed class NewBorgStoreCommand : OpeningCommand
{
    /// <inheritdoc/>
    protected override void Process()
    {
        var options = ReadOptions();
        if (!ShouldProcess(StoreUrl.Redact(options.Url), "Create store")) return;
        Register(Wait(token => Store.CreateAsync(options, token)), options);
    }
}
