using System.Management.Automation;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts whatever a user may give as a store to a reference to it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class StoreReferenceTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => StoreReference.TryFrom(inputData, out var reference)
            ? reference
            : RejectedArgument.Mark(StoreReference.CreateStandIn(), new(StoreError.InvalidArgument,
                $"A store must be the output of Open-BorgStore, a URL, or the Store property of an item; this is {ArgumentErrors.Describe(inputData)}."));
}
