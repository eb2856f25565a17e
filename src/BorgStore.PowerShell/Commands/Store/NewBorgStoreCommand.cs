using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Makes a store in an empty place and opens it.</summary>
[Cmdlet(VerbsCommon.New, "BorgStore", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreInfo))]
public sealed class NewBorgStoreCommand : OpeningCommand
{
    /// <inheritdoc/>
    protected override void End()
    {
        var options = ReadOptions();
        if (!ShouldProcess(StoreUrl.Redact(Uri), "Make a store")) return;
        Register(Wait(token => Store.CreateAsync(options, token)), options);
    }
}
