using System.Management.Automation;
using BorgStore.Layout;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Destroys a store and everything in it.</summary>
[Cmdlet(VerbsCommon.Remove, "BorgStore", DefaultParameterSetName = ByUri, SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.High)]
public sealed class RemoveBorgStoreCommand : StoreCommand
{
    private const string ByUri = "Uri";
    private const string ByPath = "Path";
    private const string ByStore = "Store";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByUri)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string? Uri { get; set; }

    // A piped folder is an object with a path; a string is not. Not mandatory, because the binder would otherwise report an object that is neither
    // a folder nor a store as an ambiguous parameter set.
    [Parameter(ParameterSetName = ByPath, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FolderCompleter))]
    public string? Path { get; set; }

    // Bound only by value and by this exact type, so that an item piped by mistake does not select a store to destroy.
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByStore, ValueFromPipeline = true)]
    public BorgStoreInfo? Store { get; set; }

    [Parameter(ParameterSetName = ByUri)]
    [Credential]
    public PSCredential? Credential { get; set; }

    [Parameter(ParameterSetName = ByUri)]
    [ValidatePattern("^SHA256:[A-Za-z0-9+/]{43}=?$")]
    public string? HostKeyFingerprint { get; set; }

    [Parameter(HelpMessage = "Does not prompt for confirmation.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        var url = Store?.Connection.Options.Url ?? (ParameterSetName == ByPath ? GetUrl(Path!) : Uri!);
        CheckUrl(url);
        var open = Session.FindAllOpen(url);
        var options = (Store?.Connection ?? Session.FindOpen(url))?.Options ?? new(url) { Retried = RetryScope.Receive };
        if (Credential is not null) options = options with { Credential = Credential.GetNetworkCredential() };
        if (HostKeyFingerprint is not null) options = options with { HostKeyFingerprint = HostKeyFingerprint };
        if (!ShouldProcess(StoreUrl.Redact(url), "Permanently remove the store and its contents", Force)) return;
        ThrowIfLocked(open.Count > 0 ? open[^1].Connection : new UrlConnection(options with { Layout = StoreLayout.Borg2, CacheUrl = null }));
        foreach (var store in open) Wait(_ => Session.CloseAsync(store));
        Session.ForgetLayout(url);
        Wait(token => BorgStore.Store.DestroyAsync(options, token));
    }

    // Borg also releases its lock before it deletes the repository.
    private void ThrowIfLocked(StoreConnection connection)
    {
        var lease = Wait(connection.LeaseAsync);
        try
        {
            CheckLock(lease);
        }
        catch (StoreException e) when (Force && e.Error == StoreError.StoreLocked)
        {
            WriteWarning($"{e.Message} It is removed all the same, because of -Force.");
        }
        finally
        {
            Wait(_ => lease.DisposeAsync().AsTask());
        }
    }
}
