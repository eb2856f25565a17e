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
        return inputData;
    }
}
