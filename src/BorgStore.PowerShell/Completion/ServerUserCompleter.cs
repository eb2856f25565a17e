using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Server;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Completion;

/// <summary>Completes the names of users and tokens of a server.</summary>
public class ServerUserCompleter : Completer
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Complete(CompletionRequest request, CancellationToken cancellationToken)
        => FindFiles(request) is { } files ? Read(files).Where(name => name.StartsWith(request.Word, StringComparison.OrdinalIgnoreCase)) : [];

    /// <summary>Returns all words.</summary>
    private protected virtual IEnumerable<string> Read(ServerUserFiles files) => files.ReadNames();

    private static ServerUserFiles? FindFiles(CompletionRequest request)
    {
        var (users, rights) = (Resolve(request.Bound["UserFile"]), Resolve(request.Bound["RightsFile"]));
        return users is not null || rights is not null ? new(users, rights) : StoreSession.Current.Servers.FindUserFiles() is [var only] ? only : null;
    }

    private static string? Resolve(object? path)
    {
        if (path?.ToString() is not { Length: > 0 } text) return null;
        using var shell = System.Management.Automation.PowerShell.Create(RunspaceMode.CurrentRunspace);
        return shell.AddCommand("Convert-Path").AddParameter("LiteralPath", text).Invoke<string>().FirstOrDefault(File.Exists);
    }
}

/// <summary>Completes the groups of users of a server.</summary>
public sealed class ServerGroupCompleter : ServerUserCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Read(ServerUserFiles files) => files.ReadGroups();
}

/// <summary>Completes the permissions of users of a server.</summary>
public sealed class StorePermissionCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => StorePermissionTransformationAttribute.Presets;
}
