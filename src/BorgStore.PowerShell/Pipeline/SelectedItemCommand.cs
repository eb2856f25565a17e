using System.Management.Automation;
using BorgStore.PowerShell.Binding;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of the cmdlets that act on either live or soft-deleted items.</summary>
public abstract class SelectedItemCommand : NamedItemCommand
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    private protected override bool TargetsDeleted => Deleted;
}
