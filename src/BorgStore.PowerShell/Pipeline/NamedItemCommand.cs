using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>What the cmdlets on items with a literal name have in common.</summary>
public abstract class NamedItemCommand : ItemCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ItemNameTransformation]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Whether soft-deleted items are meant.</summary>
    private protected virtual bool MeansDeleted => false;

    /// <inheritdoc/>
    protected override void Begin()
    {
        ItemNameTransformationAttribute.RefuseItems(Name);
        base.Begin();
    }

    private protected override Exception Explain(Exception exception, object target, string command)
        => exception is StoreException { Error: StoreError.ObjectNotFound or StoreError.InvalidName or StoreError.LayoutUnknown } e
            && target is string name && WildcardPattern.ContainsWildcardCharacters(name)
            ? new StoreException(e.Error, $"{e.Message} {DescribeWildcards(name, command)}", e.Name, e)
            : exception;

    private protected string DescribeWildcards(string name, string command)
        => $"{command} takes no wildcards; pipe what Get-BorgStoreItem finds: Get-BorgStoreItem '{name}' {(MeansDeleted ? "-Deleted " : "")}| {command}.";

    private protected sealed override void Process(StoreLease store)
    {
        foreach (var name in Name) Process(store, name);
    }

    /// <summary>Called for each name.</summary>
    private protected abstract void Process(StoreLease store, string name);
}
