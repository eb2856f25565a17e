using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Removes values from the cache, so that they are loaded again. The store itself is not changed.</summary>
[Cmdlet(VerbsCommon.Clear, "BorgStoreCache", DefaultParameterSetName = ByName, SupportsShouldProcess = true)]
public sealed class ClearBorgStoreCacheCommand : StoreCommand
{
    private const string ByName = "Name";
    private const string ByNamespace = "Namespace";
    private const string Everything = "All";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByName, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ItemNameTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] Name { get; set; } = [];

    [Parameter(ParameterSetName = ByName, ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    // Not bound from the pipeline: an item has a namespace too, but piping an item means the item alone.
    [Parameter(Mandatory = true, ParameterSetName = ByNamespace)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NamespaceCompleter))]
    public string[] Namespace { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = Everything)]
    public SwitchParameter All { get; set; }

    // For the same reason, an item binds its store only when items are cleared.
    [Parameter(ParameterSetName = ByName, ValueFromPipelineByPropertyName = true)]
    [Parameter(ParameterSetName = ByNamespace, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = Everything, ValueFromPipeline = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    /// <inheritdoc/>
    protected override void Begin() => ItemNameTransformationAttribute.ThrowIfItem(Name);

    /// <inheritdoc/>
    protected override void Process()
    {
        var store = Lease(Store).Store;
        if (All)
        {
            Clear(store.Url, "Clear the whole cache", token => store.ClearCacheAsync(token));
            return;
        }
        foreach (var ns in Namespace) Clear(ns, "Clear the namespace in the cache", token => store.ClearCachedNamespaceAsync(ns, token));
        var deleted = Deleted.IsPresent;
        foreach (var name in Name)
            Clear(name, "Clear the item in the cache", async token => await store.ClearCachedItemAsync(name, deleted, token));
    }

    private void Clear(string target, string action, Func<CancellationToken, Task> work)
    {
        if (!ShouldProcess(target, action)) return;
        try
        {
            Wait(work);
        }
        catch (StoreException e)
        {
            WriteError(e, target);
        }
    }
}
