using System.Management.Automation;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Server;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Base class of the cmdlets for servers, which write the servers' logs.</summary>
public abstract class ServerCommand : StoreCommand
{
    /// <summary>Writes what a server has logged since the last call to the verbose stream, if it is shown.</summary>
    private protected void WriteLog(BorgStoreServer server)
    {
        if (!IsVerbose) return;
        foreach (var line in server.Server.Log.Take()) WriteVerbose($"[{server.Id}] {line}");
    }

    private bool IsVerbose
        => MyInvocation.BoundParameters.TryGetValue("Verbose", out var verbose)
            ? LanguagePrimitives.IsTrue(verbose)
            : GetVariableValue("VerbosePreference") is not (null or ActionPreference.SilentlyContinue or ActionPreference.Ignore);

    /// <summary>Finds the running servers with these numbers and writes an error for each number without one.</summary>
    private protected IEnumerable<BorgStoreServer> Find(IEnumerable<int> ids)
    {
        var running = Session.Servers.Running;
        foreach (var id in ids)
        {
            if (running.FirstOrDefault(server => server.Id == id) is { } found)
            {
                yield return found;
                continue;
            }
            var others = running.Count == 0 ? "No server runs in this session." : $"The running servers are {string.Join(", ", running.Select(server => server.Id))}.";
            WriteError(new StoreException(StoreError.ObjectNotFound, $"No server {id} runs in this session. {others}"), id);
        }
    }
}
