using System.Management.Automation;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of cmdlets that take names literally, and explain this when given a wildcard.</summary>
public abstract class LiteralItemCommand : ItemCommand
{
    /// <summary>Whether the cmdlet acts on soft-deleted items.</summary>
    private protected virtual bool TargetsDeleted => false;

    private protected override Exception Explain(Exception exception, object target, string command)
        => exception is StoreException { Error: StoreError.ObjectNotFound or StoreError.InvalidName or StoreError.LayoutUnknown } e
            && target is string name && WildcardPattern.ContainsWildcardCharacters(name)
            ? new StoreException(e.Error, $"{e.Message} {DescribeWildcards(name, command)}", e.Name, e)
            : exception;

    private protected string DescribeWildcards(string name, string command)
        => $"{command} takes no wildcards; pipe the output of Get-BorgStoreItem: Get-BorgStoreItem '{name}' {(TargetsDeleted ? "-Deleted " : "")}| {command}.";
}
