using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Replaces items by their names, so that a piped item is never read as a pattern.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NameTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        ArgumentErrors.ThrowIfNotName(inputData);
        var plain = inputData is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : inputData;
        return plain switch
        {
            // Left to the binder, which then offers piped text to -Name first.
            string text => text,
            object?[] several => Array.ConvertAll(several, ReadName),
            _ => new[] { ReadName(plain) },
        };
    }

    private static string ReadName(object? value)
    {
        if (value is string text) return text;
        if (value is not null && PSObject.AsPSObject(value) is var wrapped)
        {
            if (wrapped.BaseObject is string name) return name;
            if (wrapped.Properties["Name"]?.Value?.ToString() is { Length: > 0 } property) return property;
        }
        throw ArgumentErrors.Create($"A name must be a string, or an object with the property Name; this is {ArgumentErrors.Describe(value)}.");
    }
}
