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
        return inputData switch
        {
            // What the property of a piped item is bound as without a conversion, so that the binder need not try the item itself again.
            string text => new[] { text },
            object?[] several when several.Any(IsItem) => ItemInPlaceOfName.Instance,
            _ => IsItem(inputData) ? ItemInPlaceOfName.Instance : inputData,
        };
    }

    /// <summary>Refuses items that were given as an argument: an item would be no more than its name there, that of a live item in whatever
    /// store is open.</summary>
    /// <param name="arguments">What was bound before anything came from the pipe.</param>
    internal static void RefuseItems(string[] arguments)
    {
        if (arguments.Contains(ItemInPlaceOfName.Text)) throw ItemAsArgument();
    }

    /// <summary>Returns the error for an item that is given as an argument.</summary>
    internal static StoreException ItemAsArgument() => new(StoreError.InvalidArgument,
        "An item is piped, so that its store goes along, and whether it is soft-deleted, as in $item | Get-BorgStoreItemContent; or its name is given: $item.Name.");

    private static bool IsItem(object? value) => ValueArgument.Unwrap(value) is BorgStoreItem;

    // Does not fit as it is, whereupon the binder takes the properties of a piped item. To throw would say the same, and cost more for each
    // item than all the rest. As an argument it becomes a text that no name can be.
    private sealed class ItemInPlaceOfName
    {
        public const string Text = "\0";

        public static ItemInPlaceOfName Instance { get; } = new();

        public override string ToString() => Text;
    }
}
