using System.Collections;
using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Explains how to write namespaces when they are given without levels.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LayoutTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => ValueArgument.Unwrap(inputData) is null or IDictionary
            ? inputData
            : RejectedArgument.Mark(new Hashtable(), new(StoreError.InvalidArgument,
                $"Namespaces must be given with their levels; this is {ArgumentErrors.Describe(inputData)}. {LayoutArgument.Form}."));
}
