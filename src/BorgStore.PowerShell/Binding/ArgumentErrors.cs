using System.Collections;
using System.Management.Automation;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Binding;

/// <summary>Creates errors that reject an argument but still let the binder try another parameter.</summary>
internal static class ArgumentErrors
{
    public static ArgumentTransformationMetadataException Create(string message)
    {
        var shown = PrintableText.Escape(message);
        return new(shown, new PSInvalidCastException(shown));
    }

    /// <summary>Throws for a store or a hashtable, whose text would otherwise become a name. The binder
    /// tries no other parameter after this error, so the user sees its message.</summary>
    public static void ThrowIfNotName(object? value)
    {
        switch (ValueArgument.Unwrap(value))
        {
            case BorgStoreInfo or BorgStoreHandle:
                throw new ArgumentTransformationMetadataException("This is a store, not the name of an item. Specify it with -Store, as in -Store $store.");
            case IDictionary:
                throw new ArgumentTransformationMetadataException("This is a hashtable, not the name of an item. Convert it to an object: [pscustomobject]@{ Name = 'config/main' }.");
            case PSObject custom when custom.Properties["Name"] is null:
                throw new ArgumentTransformationMetadataException("This object has no property Name to identify the item.");
            case object?[] several:
                Array.ForEach(several, ThrowIfNotName);
                break;
        }
    }

    public static string Describe(object? value)
        => (value is PSObject wrapped ? wrapped.BaseObject : value) is { } plain ? $"of type {plain.GetType().Name}" : "empty";
}
