using System.Collections;
using System.Management.Automation;
using BorgStore.Security;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts what a user of a server may do in a store to text: the name of a preset, or JSON for a map or hashtable.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class StorePermissionTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>The presets, which are more than for a store that is opened.</summary>
    internal static IReadOnlyList<string> Presets { get; } = ["all", "no-delete", "append-only", "write-only", "read-only", "none"];

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        try
        {
            return ValueArgument.Unwrap(inputData) switch
            {
                null or "" => "",
                PermissionMap map => map.ToString(),
                IDictionary entries => PermissionTransformationAttribute.Parse(entries).ToString(),
                string text when Presets.FirstOrDefault(preset => preset.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } preset => preset,
                string text when text.TrimStart().StartsWith('{') => PermissionMap.Parse(text).ToString(),
                var other => throw new StoreException(StoreError.InvalidArgument,
                    $"'{other}' is not a permission. Specify one of {string.Join(", ", Presets)}, or rights by path such as @{{ '' = 'lr'; locks = 'lrwD' }}."),
            };
        }
        catch (StoreException e)
        {
            return RejectedArgument.Mark(new string('?', 1), e);
        }
    }
}
