using System.Buffers;
using System.Management.Automation;
using BorgStore.Security;

namespace BorgStore.Commands;

/// <summary>Lets rights be given by their letters too.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AccessTransformationAttribute : ArgumentTransformationAttribute
{
    private static readonly SearchValues<char> Letters = SearchValues.Create("lrwWD");

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) is string { Length: > 0 } text && text.AsSpan().IndexOfAnyExcept(Letters) < 0
            ? PermissionMap.ParseRights(text)
            : inputData;
}
