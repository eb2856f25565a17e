using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>Rejects items for a parameter that takes patterns, so that the binder offers them to the parameter for literal names.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PatternTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        Refusal.RefuseAsName(inputData);
        return inputData is not null && PSObject.AsPSObject(inputData) is { BaseObject: not string } wrapped
            && wrapped.Properties["Name"] is not null
            ? throw Refusal.Of($"A pattern is a text, and this is {Refusal.Describe(inputData)}. Its name is taken literally by -LiteralName.")
            : inputData;
    }
}
