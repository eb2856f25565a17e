using System.Management.Automation;
using BorgStore.Borg;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Locks;

/// <summary>Removes locks of a Borg 2 repository whose owners have ended.</summary>
[Cmdlet(VerbsCommon.Remove, "BorgStoreLock", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreLock))]
public sealed class RemoveBorgStoreLockCommand : StoreCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[]? Name { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    [Parameter(HelpMessage = "Removes only stale locks: without -Name all of them, otherwise those among the given ones.")]
    public SwitchParameter Stale { get; set; }

    [Parameter(HelpMessage = "Also removes locks whose owners may be at work.")]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void Begin()
    {
        if (Name is null && !MyInvocation.ExpectingInput && !Stale)
            throw new StoreException(StoreError.InvalidArgument,
                "Specify which locks to remove: -Stale for all stale ones, -Name, or the output of Get-BorgStoreLock through the pipe.");
        if (Stale && Force) throw new StoreException(StoreError.InvalidArgument, "-Stale removes only stale locks, and -Force also live ones. Specify only one of them.");
    }

    /// <inheritdoc/>
    protected override void Process()
    {
        ThrowIfStoreIsEmpty(Store);
        var store = Lease(Store);
        var locks = Wait(store.FindBorgLocksAsync);
        var listed = Wait(token => locks.ListAsync(token));
        if (Name is null) Remove(store, locks, listed.Where(info => info.IsStale));
        foreach (var name in Name ?? [])
        {
            var found = listed.Where(info => info.Name == name || info.Key == name).ToList();
            if (found.Count == 0)
                WriteError(new StoreException(StoreError.ObjectNotFound, $"There is no lock '{name}': it was released, or refreshed under another name. Get-BorgStoreLock lists the present ones.", name));
            Remove(store, locks, found.Where(info => info.IsStale || !Stale));
        }
    }

    private void Remove(StoreLease store, BorgLocks locks, IEnumerable<BorgLockInfo> infos)
    {
        foreach (var info in infos)
        {
            if (!ShouldProcess($"{info}", "Remove lock")) continue;
            try
            {
                if (Wait(token => locks.RemoveAsync(info, Force, token)) && PassThru) WriteObject(new BorgStoreLock(info, store.Connection.Handle));
            }
            catch (StoreException e)
            {
                WriteError(e, info.Name);
            }
        }
    }
}
