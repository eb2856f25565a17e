using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Keeps away from a parameter for names what is none, but has a text.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ItemNameTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        Refusal.RefuseAsName(inputData);
        // As an argument an item would be no more than its name: that of a live item, in whatever store is open. A piped one is
        // refused here too, whereupon the binder takes its properties.
        return IsItem(inputData) || (inputData is object?[] several && several.Any(IsItem))
            ? throw Refusal.Of("An item is piped, so that its store goes along, and whether it is soft-deleted, as in $item | Get-BorgStoreItemContent; or its name is given: $item.Name.")
            : inputData;
    }

    private static bool IsItem(object? value) => ValueArgument.Unwrap(value) is BorgStoreItem;
}
