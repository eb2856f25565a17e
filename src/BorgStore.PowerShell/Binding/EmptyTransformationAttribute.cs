using System.Management.Automation;

namespace BorgStore.PowerShell.Binding;

/// <summary>Reads an empty text, as in an empty cell of a CSV file, as an argument that was not given. PowerShell would read 0 or fail.</summary>
/// <param name="otherwise">The value of the parameter without an argument; null for no time.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class EmptyTransformationAttribute(object? otherwise = null) : ArgumentTransformationAttribute
{
    /// <summary>The value of the parameter without an argument.</summary>
    public object? Otherwise { get; } = otherwise;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => ValueArgument.Unwrap(inputData) is null or "" ? Otherwise ?? default(DateTimeOffset) : inputData;
}
