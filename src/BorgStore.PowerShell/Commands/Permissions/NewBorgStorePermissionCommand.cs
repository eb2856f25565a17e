using System.Collections;
using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.Security;

namespace BorgStore.PowerShell.Commands.Permissions;

/// <summary>Creates a permission map: the rights for each path.</summary>
[Cmdlet(VerbsCommon.New, "BorgStorePermission", DefaultParameterSetName = ByPreset)]
[OutputType(typeof(PermissionMap))]
public sealed class NewBorgStorePermissionCommand : StoreCommand
{
    private const string ByPreset = "Preset";
    private const string ByMap = "Map";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByPreset)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public string Preset { get; set; } = "";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByMap, HelpMessage = "Paths, and the rights below each as letters of l r w W D.")]
    public IDictionary Map { get; set; } = new Hashtable();

    /// <inheritdoc/>
    protected override void End()
        => WriteObject(ParameterSetName == ByMap ? PermissionTransformationAttribute.Parse(Map) : PermissionMap.Parse(Preset));
}
