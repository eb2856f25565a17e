using System.Management.Automation;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Binding;

/// <summary>Rejects values that are not names but would convert to text.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ItemNameTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        ArgumentErrors.ThrowIfNotName(inputData);
        return inputData switch
        {
            // An array binds without a conversion, so the binder does not try the piped item itself again.
            string text => new[] { text },
            object?[] several when several.Any(IsItem) => ItemPlaceholder.Instance,
            _ => IsItem(inputData) ? ItemPlaceholder.Instance : inputData,
        };
    }

    /// <summary>Throws if items were given as an argument: only the name would be used, and it would be looked up among the live items of whichever
    /// store is open.</summary>
    /// <param name="arguments">The names that were bound before the first pipeline input.</param>
    internal static void ThrowIfItem(string[] arguments)
    {
        if (arguments.Contains(ItemPlaceholder.Text)) throw ItemAsArgument();
    }

    /// <summary>Returns the error for an item that was given as an argument.</summary>
    internal static StoreException ItemAsArgument() => new(StoreError.InvalidArgument,
        "An item must be piped, which also passes its store and whether it is soft-deleted, as in $item | Get-BorgStoreItemContent. As an argument, specify its name: $item.Name.");

    private static bool IsItem(object? value) => ValueArgument.Unwrap(value) is BorgStoreItem;

    // Does not convert to a string array, so the binder goes on to the properties of a piped item. Throwing would have the same effect, but would
    // cost more per item than everything else. As an argument it converts to a text that cannot be a name.
    private sealed class ItemPlaceholder
    {
        public const string Text = "\0";

        public static ItemPlaceholder Instance { get; } = new();

        public override string ToString() => Text;
    }
}
