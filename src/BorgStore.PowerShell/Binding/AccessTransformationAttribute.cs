using System.Buffers;
using System.Management.Automation;
using BorgStore.Security;

namespace BorgStore.PowerShell.Binding;

/// <summary>Accepts rights by their letters as well as by name.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AccessTransformationAttribute : ArgumentTransformationAttribute
{
    private static readonly SearchValues<char> Letters = SearchValues.Create("lrwWD");

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        var plain = ValueArgument.Unwrap(inputData);
        if (plain is string { Length: > 0 } text && text.AsSpan().IndexOfAnyExcept(Letters) < 0) return PermissionMap.ParseRights(text);
        if (plain is object?[] several) return several.Aggregate(AccessRights.None, (all, one) => all | (AccessRights)Transform(engineIntrinsics, one));
        return plain is not null and not "" && LanguagePrimitives.TryConvertTo<AccessRights>(plain, out var rights)
            ? rights
            : throw ArgumentErrors.Create($"'{plain}' is not a right. Specify List, Read, Write, Overwrite or Delete, separated by commas, or letters out of l (list), r (read), w (write new), W (overwrite), D (delete).");
    }
}
