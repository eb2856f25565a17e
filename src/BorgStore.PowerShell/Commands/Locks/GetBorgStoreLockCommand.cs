using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Locks;

/// <summary>Gets the locks of a Borg 2 repository.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreLock")]
[OutputType(typeof(BorgStoreLock))]
public sealed class GetBorgStoreLockCommand : WholeStoreCommand
{
    private protected override void Process(StoreLease store)
    {
        var locks = Wait(async token => await (await store.FindBorgLocksAsync(token)).ListAsync(token));
        foreach (var info in locks) WriteObject(new BorgStoreLock(info, store.Connection.Handle));
    }
}
