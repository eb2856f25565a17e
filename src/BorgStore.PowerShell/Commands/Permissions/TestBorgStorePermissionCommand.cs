using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Pipeline;
using BorgStore.Security;

namespace BorgStore.PowerShell.Commands.Permissions;

/// <summary>Checks whether a permission map grants rights.</summary>
[Cmdlet(VerbsDiagnostic.Test, "BorgStorePermission")]
[OutputType(typeof(bool))]
public sealed class TestBorgStorePermissionCommand : StoreCommand
{
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [AllowNull]
    [PermissionTransformation]
    [ArgumentCompleter(typeof(PermissionPresetCompleter))]
    public PermissionMap? Permission { get; set; }

    [Parameter(Mandatory = true, Position = 0)]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] Name { get; set; } = [];

    [Parameter(Mandatory = true, Position = 1, HelpMessage = "Rights that are all needed: List, Read, Write, Overwrite, Delete, or letters of l r w W D.")]
    [AccessTransformation]
    public AccessRights Access { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        if (Permission is null)
            throw new StoreException(StoreError.InvalidArgument,
                "There are no permissions to test: -Permission is empty. Create some with New-BorgStorePermission. A store whose property Permission is empty was opened without permissions and allows everything that the storage allows.");
        foreach (var name in Name) WriteObject((Effective(Permission.GetRights(name)) & Access) == Access);
    }

    // The right to replace items includes the right to store new ones.
    private static AccessRights Effective(AccessRights rights)
        => rights.HasFlag(AccessRights.Overwrite) ? rights | AccessRights.Write : rights;
}
