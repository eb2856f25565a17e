using System.Collections;
using System.Management.Automation;
using BorgStore.Layout;

namespace BorgStore.Commands;

/// <summary>Reads <c>-Namespace @{ config = 0; data = 2 }</c>.</summary>
internal static class LayoutArgument
{
    private const string Form = "Write the namespaces as @{ config = 0; data = 2 }, with 1, 2 for a change from level 1 to level 2, or as @{ data = @{ Levels = 2 } }";

    public static StoreLayout Parse(IDictionary namespaces)
        => new([.. namespaces.Cast<DictionaryEntry>().Select(entry => ParseNamespace(entry.Key.ToString() ?? "", Unwrap(entry.Value)))]);

    private static NamespaceLayout ParseNamespace(string name, object? value)
    {
        if (value is not IDictionary settings) return new(name, ParseLevels(name, value));
        object? levels = null;
        foreach (DictionaryEntry setting in settings)
        {
            switch (setting.Key.ToString()!.ToUpperInvariant())
            {
                case "LEVELS" or "LEVEL":
                    levels = Unwrap(setting.Value);
                    break;
                case "CACHE" or "MAXAGE" or "SIZE":
                    throw new StoreException(StoreError.NotSupported,
                        $"'{setting.Key}' of namespace '{name}' is not supported yet by this version, which has no cache. Leave it out.", name);
                default:
                    throw new StoreException(StoreError.InvalidArgument, $"Namespace '{name}' has the unknown setting '{setting.Key}'. {Form}.", name);
            }
        }
        return new(name, ParseLevels(name, levels));
    }

    private static int[] ParseLevels(string name, object? value)
    {
        try
        {
            if (value is not null and not "") return LanguagePrimitives.ConvertTo<int[]>(value);
        }
        catch (PSInvalidCastException)
        {
            // Told below.
        }
        throw new StoreException(StoreError.InvalidArgument, $"The levels of namespace '{name}' are '{value}', which is no number. {Form}.", name);
    }

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
