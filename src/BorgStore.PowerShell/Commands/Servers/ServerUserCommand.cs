using System.Management.Automation;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Server;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Base class of the cmdlets for the users of a server.</summary>
public abstract class ServerUserCommand : StoreCommand
{
    // Neither may be validated as not empty: users without rights have an empty property of this name.
    [Parameter(ValueFromPipelineByPropertyName = true, HelpMessage = "The file with users and passwords, as it is given to Start-BorgStoreServer.")]
    public string? UserFile { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, HelpMessage = "The file with rights and tokens, as it is given to Start-BorgStoreServer.")]
    public string? RightsFile { get; set; }

    /// <inheritdoc/>
    protected override void Begin()
    {
        // An empty variable must not mean the files of the running server.
        foreach (var parameter in new[] { nameof(UserFile), nameof(RightsFile) })
            if (MyInvocation.BoundParameters.TryGetValue(parameter, out var path) && string.IsNullOrEmpty(path?.ToString()))
                throw new StoreException(StoreError.InvalidArgument, $"-{parameter} is empty. Specify the path of the file, or omit it to use the files of the running server.");
    }

    /// <summary>Returns the files: the given ones, or those of the only running server that has any.</summary>
    private protected ServerUserFiles FindFiles()
    {
        if (!string.IsNullOrEmpty(UserFile) || !string.IsNullOrEmpty(RightsFile)) return new(Resolve(UserFile), Resolve(RightsFile));
        var running = Session.Servers.FindUserFiles();
        return running switch
        {
            [var only] => only,
            [] => throw new StoreException(StoreError.InvalidArgument,
                "No server with users runs in this session. Specify its file with users as -UserFile, and the one with rights, if there is one, as -RightsFile."),
            _ => throw new StoreException(StoreError.InvalidArgument,
                $"{running.Count} servers with users run in this session. Specify the files of one with -UserFile and -RightsFile."),
        };
    }

    /// <summary>Runs a command of the server program.</summary>
    private protected IReadOnlyList<BorgStoreServerUser> Run(ServerUserFiles files, IEnumerable<string> arguments, string? password = null)
        => Wait(token => files.RunAsync(arguments, password, token));

    /// <summary>Does something with each user, and reports a failure as an error about that user.</summary>
    /// <param name="names">The names.</param>
    /// <param name="act">What to do with a name, which is no option of the server program.</param>
    private protected void ForEach(IEnumerable<string> names, Action<string> act)
    {
        foreach (var name in names)
        {
            try
            {
                CheckName(name);
                act(name);
            }
            catch (StoreException e)
            {
                WriteError(e, name);
            }
        }
    }

    private static void CheckName(string name)
    {
        if (name.Length == 0 || name[0] == '-')
            throw new StoreException(StoreError.InvalidArgument, $"'{name}' can't be the name of a user: it is empty or begins with '-'. Choose another one.", name);
    }

    private string? Resolve(string? path) => string.IsNullOrEmpty(path) ? null : LocalPath.ResolveAny(this, path);
}
