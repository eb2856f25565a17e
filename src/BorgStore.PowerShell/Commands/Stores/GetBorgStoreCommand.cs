using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Gets the open stores.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStore")]
[OutputType(typeof(BorgStoreInfo))]
public sealed class GetBorgStoreCommand : StoreCommand
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public string[] Uri { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void End()
    {
        var stores = Session.OpenStores;
        foreach (var uri in Uri)
        {
            var pattern = WildcardPattern.Get(uri, WildcardOptions.IgnoreCase);
            var found = stores.Where(store => pattern.IsMatch(store.Uri)).Union(Session.FindAllOpen(uri)).ToList();
            WriteObject(found, enumerateCollection: true);
            if (found.Count > 0 || WildcardPattern.ContainsWildcardCharacters(uri)) continue;
            var shown = StoreUrl.Redact(uri);
            WriteError(StorePath.Explain(SessionState.Path, uri) ?? new StoreException(StoreError.StoreNotOpen, $"The store '{shown}' is not open. Open-BorgStore opens it.", shown));
        }
    }
}
