using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Rejects items for a parameter that takes patterns, so that the binder offers them to the parameter for literal names.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PatternTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        ArgumentErrors.ThrowIfNotName(inputData);
        return inputData is not null && PSObject.AsPSObject(inputData) is { BaseObject: not string } wrapped
            && wrapped.Properties["Name"] is not null
            ? throw ArgumentErrors.Create($"A pattern must be a string; this is {ArgumentErrors.Describe(inputData)}. For the exact name of an item, use -LiteralName.")
            : inputData;
    }
}
