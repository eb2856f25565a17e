using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Server;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Stops servers after the requests in progress.</summary>
[Cmdlet(VerbsLifecycle.Stop, "BorgStoreServer", DefaultParameterSetName = ById, SupportsShouldProcess = true)]
public sealed class StopBorgStoreServerCommand : ServerCommand
{
    private const string ById = "Id";
    private const string ByServer = "Server";

    // Validated so that an empty variable does not mean the only server.
    [Parameter(Position = 0, ParameterSetName = ById)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ServerCompleter))]
    public int[]? Id { get; set; }

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByServer, ValueFromPipeline = true)]
    public BorgStoreServer[] Server { get; set; } = [];

    [Parameter(HelpMessage = "Aborts running requests and stops the server immediately.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        var servers = ParameterSetName == ByServer ? Server : Id is not null ? Find(Id) : [GetOnlyServer()];
        var ending = servers.Where(server => ShouldProcess($"{server.StoreUri} on {server.Uri}", "Stop the server")).ToList();
        // In parallel, so that the servers finish their requests at the same time.
        Wait(_ => Task.WhenAll(ending.Select(StopAsync)));
        foreach (var server in ending) WriteLog(server);
    }

    private Task StopAsync(BorgStoreServer server) => Force ? server.Server.KillAsync() : server.Server.DisposeAsync().AsTask();

    private BorgStoreServer GetOnlyServer() => Session.Servers.Running switch
    {
        [var only] => only,
        [] => throw new StoreException(StoreError.ObjectNotFound, "No server runs in this session."),
        var several => throw new StoreException(StoreError.InvalidArgument,
            $"{several.Count} servers run: {string.Join(", ", several.Select(server => $"{server.Id} ({server.Uri})"))}. Specify one with -Id, or pipe the servers to stop."),
    };
}
