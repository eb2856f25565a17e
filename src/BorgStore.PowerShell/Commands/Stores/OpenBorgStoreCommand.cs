using System.Management.Automation;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Opens a store.</summary>
[Cmdlet(VerbsCommon.Open, "BorgStore", DefaultParameterSetName = ByUri, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreInfo))]
public sealed class OpenBorgStoreCommand : OpeningCommand
{
    [Parameter(HelpMessage = "Creates the store if it does not exist.")]
    public SwitchParameter Create { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        var options = ReadOptions();
        try
        {
            Register(Wait(token => Store.OpenAsync(options, token)), options);
        }
        catch (StoreException e) when (Create && e.Error == StoreError.StoreDoesNotExist)
        {
            if (ShouldProcess(StoreUrl.Redact(options.Url), "Create store")) Register(Wait(token => CreateAsync(options, token)), options);
        }
    }

    // Another process may have created the store in the meantime.
    private static async Task<Store> CreateAsync(StoreOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await Store.CreateAsync(options, cancellationToken);
        }
        catch (StoreException e) when (e.Error == StoreError.StoreAlreadyExists)
        {
            return await Store.OpenAsync(options, cancellationToken);
        }
    }
}
