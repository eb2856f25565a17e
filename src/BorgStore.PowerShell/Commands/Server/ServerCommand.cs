using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>What the cmdlets for servers have in common: they hand on logs.</summary>
public abstract class ServerCommand : StoreCommand
{
    /// <summary>Writes what a server has logged since the last time to the verbose stream, if anybody wants to see it.</summary>
    private protected void WriteLog(BorgStoreServer server)
    {
        if (!IsVerbose) return;
        foreach (var line in server.Server.Log.Take()) WriteVerbose($"[{server.Id}] {line}");
    }

    private bool IsVerbose
        => MyInvocation.BoundParameters.TryGetValue("Verbose", out var verbose)
            ? LanguagePrimitives.IsTrue(verbose)
            : GetVariableValue("VerbosePreference") is not (null or ActionPreference.SilentlyContinue or ActionPreference.Ignore);

    /// <summary>The running servers of these numbers; a number that none has is an error.</summary>
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
            var others = running.Count == 0 ? "No server runs in this session." : $"There are {string.Join(", ", running.Select(server => server.Id))}.";
            WriteError(new StoreException(StoreError.ObjectNotFound, $"No server {id} runs in this session. {others}"), id);
        }
    }
}
