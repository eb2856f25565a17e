using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Server;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Gets the running servers.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreServer")]
[OutputType(typeof(BorgStoreServer))]
public sealed class GetBorgStoreServerCommand : ServerCommand
{
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ServerCompleter))]
    public int[]? Id { get; set; }

    /// <inheritdoc/>
    protected override void End()
    {
        foreach (var server in Id is null ? Session.Servers.Running : Find(Id))
        {
            WriteLog(server);
            WriteObject(server);
        }
    }
}
