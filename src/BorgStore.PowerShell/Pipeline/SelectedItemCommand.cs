using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>What the cmdlets have in common that act on live or on soft-deleted items.</summary>
public abstract class SelectedItemCommand : NamedItemCommand
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDeleted")]
    [SwitchTransformation]
    public SwitchParameter Deleted { get; set; }

    private protected override bool MeansDeleted => Deleted;
}
