using System.Collections;
using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Turns names, items and objects with Name, Offset and Length into parts of values.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BlockTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => ValueArgument.Unwrap(inputData) is object?[] several ? Array.ConvertAll(several, Read) : new[] { Read(inputData) };

    private static BorgStoreBlock Read(object? value)
    {
        switch (ValueArgument.Unwrap(value))
        {
            case BorgStoreBlock block:
                return block;
            case BorgStoreInfo or BorgStoreHandle:
                Refusal.RefuseAsName(value);
                throw Refuse(value);
            case string { Length: > 0 } name:
                return new(name, 0, null);
            case BorgStoreItem item:
                return new(item.Name, 0, item.Size);
            case IDictionary entries when entries["Name"] is { } name:
                return Make(name, entries["Offset"], entries["Length"], value);
            case not null when PSObject.AsPSObject(value).Properties is var properties && properties["Name"]?.Value is { } name:
                return Make(name, properties["Offset"]?.Value, properties["Length"]?.Value, value);
            default:
                throw Refuse(value);
        }
    }

    private static BorgStoreBlock Make(object name, object? offset, object? length, object? value)
    {
        try
        {
            return new(name.ToString()!, offset is null ? 0 : LanguagePrimitives.ConvertTo<long>(offset),
                length is null ? null : LanguagePrimitives.ConvertTo<long>(length));
        }
        catch (PSInvalidCastException)
        {
            throw Refuse(value);
        }
    }

    private static ArgumentTransformationMetadataException Refuse(object? value)
        => Refusal.Of($"A source is an item, a name, or an object with the properties Name, Offset and Length; this is {Refusal.Describe(value)}.");
}
