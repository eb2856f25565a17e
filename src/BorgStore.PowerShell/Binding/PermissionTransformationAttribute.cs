using System.Collections;
using System.Management.Automation;
using BorgStore.Security;

namespace BorgStore.PowerShell.Binding;

/// <summary>Converts the name of a preset, JSON, or a hashtable of paths and rights to a permission map.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PermissionTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        try
        {
            return (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
            {
                null => null,
                PermissionMap map => map,
                string text => PermissionMap.Parse(text),
                IDictionary entries => Parse(entries),
                _ => throw new StoreException(StoreError.InvalidArgument, $"Permissions must be the output of New-BorgStorePermission, the name of a preset, or @{{ '' = 'lr'; locks = 'lrwD' }}; this is {ArgumentErrors.Describe(inputData)}."),
            };
        }
        catch (StoreException e)
        {
            return RejectedArgument.Mark(new PermissionMap([]), e);
        }
    }

    internal static PermissionMap Parse(IDictionary entries)
        => new(entries.Cast<DictionaryEntry>()
            .Select(entry => KeyValuePair.Create(entry.Key.ToString() ?? "", entry.Value?.ToString()!)));
}
