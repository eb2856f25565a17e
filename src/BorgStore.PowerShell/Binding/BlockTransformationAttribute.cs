using System.Collections;
using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts names, items and objects with Name, Offset and Length to blocks.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BlockTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether a number is accepted as a name, as it is for a string parameter.</summary>
    public bool AcceptsNumbers { get; set; }

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData) => ValueArgument.Unwrap(inputData) switch
    {
        object?[] several => Array.ConvertAll(several, Read),
        IList several => several.Cast<object?>().Select(Read).ToArray(),
        _ => new[] { Read(inputData) },
    };

    private BorgStoreBlock Read(object? value)
    {
        switch (ValueArgument.Unwrap(value))
        {
            case BorgStoreBlock block:
                return block;
            case BorgStoreInfo or BorgStoreHandle:
                ArgumentErrors.ThrowIfNotName(value);
                throw CreateException(value);
            case string { Length: > 0 } name:
                return new(name, 0, null);
            case int or long or double or decimal when AcceptsNumbers:
                return new(LanguagePrimitives.ConvertTo<string>(value), 0, null);
            case BorgStoreItem item:
                return new(item.Name, 0, item.Size) { IsItem = true, HasStore = true };
            case IDictionary entries when entries["Name"] is { } name:
                return Make(name, entries["Offset"], entries["Length"], value) with { HasStore = entries["Store"] is not null };
            case not null when PSObject.AsPSObject(value) is var wrapped && wrapped.Properties["Name"]?.Value is { } name:
                var (offset, length) = IsBlock(wrapped) ? (wrapped.Properties["Offset"]?.Value, wrapped.Properties["Length"]?.Value) : default;
                return Make(name, offset, length, value) with { HasStore = wrapped.Properties["Store"]?.Value is not null };
            default:
                throw CreateException(value);
        }
    }

    // The Length of a file is not that of a block, so only custom objects and those with an Offset count.
    private static bool IsBlock(PSObject value)
        => value.Properties["Offset"] is not null || value.TypeNames is [var type, ..] && type.EndsWith(typeof(PSCustomObject).FullName!, StringComparison.Ordinal);

    private static BorgStoreBlock Make(object name, object? offset, object? length, object? value)
    {
        try
        {
            return new(name.ToString()!, ReadNumber(offset) ?? 0, ReadNumber(length));
        }
        catch (PSInvalidCastException)
        {
            throw CreateException(value);
        }
    }

    // CSV has an empty text for a number that was left out.
    private static long? ReadNumber(object? value)
        => ValueArgument.Unwrap(value) is null or "" ? null : LanguagePrimitives.ConvertTo<long>(value);

    private static ArgumentTransformationMetadataException CreateException(object? value)
        => ArgumentErrors.Create($"A part must be an item, a name, or an object with the properties Name, Offset and Length; this is {ArgumentErrors.Describe(value)}.");
}
