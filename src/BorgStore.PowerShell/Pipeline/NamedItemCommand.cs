using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of the cmdlets that take literal names of items.</summary>
public abstract class NamedItemCommand : LiteralItemCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ItemNameTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] Name { get; set; } = [];

    private protected sealed override string[]? Names
    {
        get => Name;
        set => Name = value!;
    }

    /// <inheritdoc/>
    protected override void Begin()
    {
        ItemNameTransformationAttribute.ThrowIfItem(Name);
        base.Begin();
    }

    private protected sealed override void Process(StoreLease store)
    {
        foreach (var name in Name) Process(store, name);
    }

    /// <summary>Called for each name.</summary>
    private protected abstract void Process(StoreLease store, string name);
}
