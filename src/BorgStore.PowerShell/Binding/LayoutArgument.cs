using System.Collections;
using System.Management.Automation;
using BorgStore.Layout;

namespace BorgStore.PowerShell.Binding;

/// <summary>Parses <c>-Namespace @{ config = 0; data = @{ Levels = 2; Cache = 'WriteThrough'; Size = 4GB } }</c>.</summary>
internal static class LayoutArgument
{
    public const string Form = "Write the namespaces as @{ config = 0; data = 2 }, with 1, 2 for a change from level 1 to level 2, or as @{ data = @{ Levels = 2; Cache = 'WriteThrough'; MaxAge = '1.00:00:00'; Size = 4GB } }";

    /// <summary>Returns the layout that parameters give, or null if they leave it to be recognised.</summary>
    public static StoreLayout? Read(IDictionary? namespaces, string? preset)
    {
        var known = preset is null ? null : StoreLayout.Borg2;
        return namespaces is null ? known : Parse(namespaces, known);
    }

    /// <summary>Parses the namespaces.</summary>
    /// <param name="namespaces">The argument.</param>
    /// <param name="preset">The namespaces of the preset, which may be given without levels; or null without a preset.</param>
    public static StoreLayout Parse(IDictionary namespaces, StoreLayout? preset)
    {
        var given = namespaces.Cast<DictionaryEntry>()
            .Select(entry => ParseNamespace(entry.Key.ToString() ?? "", Unwrap(entry.Value), preset)).ToList();
        return new(given.Concat(preset?.Namespaces.Where(ns => !given.Exists(other => other.Name == ns.Name)) ?? []));
    }

    private static NamespaceLayout ParseNamespace(string name, object? value, StoreLayout? preset)
    {
        var known = preset?.FindNamespace(name);
        if (preset is not null && known is null)
            throw new StoreException(StoreError.InvalidArgument,
                $"The preset has no namespace '{name}'. With -Preset, -Namespace can only refine the preset's own namespaces; omit one of the two parameters.", name);
        if (value is not IDictionary settings) return new(name, ParseLevels(name, value));
        object? levels = known?.Levels;
        var cache = CacheMode.Off;
        TimeSpan? maxAge = null;
        long? size = null;
        var verify = false;
        foreach (DictionaryEntry setting in settings)
        {
            switch (setting.Key.ToString()!.ToUpperInvariant())
            {
                case "LEVELS" or "LEVEL":
                    levels = Unwrap(setting.Value);
                    break;
                case "CACHE":
                    cache = Convert<CacheMode>(name, setting, "one of Off, WriteThrough, Mirror");
                    break;
                case "MAXAGE":
                    if (TimeTransformationAttribute.Explain(setting.Value) is { } why)
                        throw new StoreException(StoreError.InvalidArgument, $"'{setting.Key}' of namespace '{name}': {why}", name);
                    maxAge = Convert<TimeSpan>(name, setting, "a time span, such as '1.00:00:00' for a day", TimeTransformationAttribute.Convert);
                    break;
                case "SIZE":
                    size = Convert<long>(name, setting, "a number of bytes, such as 4GB");
                    break;
                case "VERIFY":
                    verify = Convert<bool>(name, setting, "$true or $false");
                    break;
                default:
                    throw new StoreException(StoreError.InvalidArgument, $"Namespace '{name}' has the unknown setting '{setting.Key}'. {Form}.", name);
            }
        }
        return new(name, ParseLevels(name, levels)) { Cache = new(cache) { MaxAge = maxAge, Size = size, Verify = verify } };
    }

    private static T Convert<T>(string name, DictionaryEntry setting, string expected, Func<object?, object?>? prepare = null)
    {
        try
        {
            if (Unwrap(setting.Value) is { } value and not "") return LanguagePrimitives.ConvertTo<T>(prepare is null ? value : prepare(value));
        }
        catch (PSInvalidCastException)
        {
            // Reported below.
        }
        throw new StoreException(StoreError.InvalidArgument,
            $"'{setting.Key}' of namespace '{name}' is '{setting.Value}', which is not {expected}.", name);
    }

    private static int[] ParseLevels(string name, object? value)
    {
        try
        {
            if (value is not null and not "") return LanguagePrimitives.ConvertTo<int[]>(value);
        }
        catch (PSInvalidCastException)
        {
            // Reported below.
        }
        throw new StoreException(StoreError.InvalidArgument, $"The levels of namespace '{name}' are '{value}', which is not a number. {Form}.", name);
    }

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
