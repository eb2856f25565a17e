using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Removes users and tokens from the files of a server.</summary>
[Cmdlet(VerbsCommon.Remove, "BorgStoreServerUser", SupportsShouldProcess = true)]
public sealed class RemoveBorgStoreServerUserCommand : ServerUserCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [NameTransformation]
    [ArgumentCompleter(typeof(ServerUserCompleter))]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    protected override void Process() => ForEach(Name, name =>
    {
        var files = FindFiles();
        var places = new[] { files.UserFile, files.RightsFile }.OfType<string>().Select(file => $"'{file}'");
        if (ShouldProcess(name, $"Remove from {string.Join(" and ", places)}")) Run(files, ["remove", name]);
    });
}
