using System.ComponentModel;
using System.Globalization;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Security;

namespace BorgStore.Commands;

/// <summary>The texts of the views in BorgStore.format.ps1xml.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ViewText
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>A text that others may have chosen, such as a name or a URL, with control characters escaped.</summary>
    /// <param name="value">The text, an object that is shown as text, or nothing.</param>
    public static string Text(object? value) => value?.ToString() is { } text ? PrintableText.Escape(text) : "";

    /// <summary>A size with three digits and a unit.</summary>
    /// <param name="bytes">The size [bytes], or nothing.</param>
    public static string Size(double? bytes)
    {
        if (bytes is not { } size) return "";
        var unit = 0;
        // What would be rounded to 1024 belongs to the next unit.
        while (size >= 1023.5 && unit < Units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        var format = unit == 0 || size >= 99.95 ? "0" : size >= 9.995 ? "0.0" : "0.00";
        return $"{size.ToString(format, CultureInfo.CurrentCulture)} {Units[unit]}";
    }

    /// <summary>A speed.</summary>
    /// <param name="bytesPerSecond">The speed [bytes/s]; nothing is shown where nothing was moved.</param>
    public static string Rate(double bytesPerSecond) => bytesPerSecond > 0 ? Size(bytesPerSecond) + "/s" : "";

    /// <summary>A time to the minute, as the user's culture writes it.</summary>
    /// <param name="time">The time, or nothing.</param>
    public static string Time(DateTime? time) => time?.ToString("g", CultureInfo.CurrentCulture) ?? "";

    /// <summary>A size as a unit shows it, and exactly.</summary>
    /// <param name="bytes">The size [bytes], or nothing.</param>
    public static string ExactSize(long? bytes)
        => bytes is >= 1024 ? $"{Size(bytes)} ({bytes.Value.ToString("n0", CultureInfo.CurrentCulture)} bytes)" : Size(bytes);

    /// <summary>Namespaces and their levels.</summary>
    /// <param name="namespaces">The namespaces.</param>
    public static string Namespaces(IEnumerable<NamespaceLayout> namespaces) => Text(new StoreLayout(namespaces));

    /// <summary>Permissions.</summary>
    /// <param name="map">The permissions, or nothing.</param>
    /// <param name="separator">What stands between two paths.</param>
    public static string Permissions(PermissionMap? map, string separator = "; ")
        => map is null ? "all" : string.Join(separator, map.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{(entry.Key.Length == 0 ? "''" : Text(entry.Key))} = {PermissionMap.FormatRights(entry.Value)}"));

    /// <summary>What marks a soft-deleted item in a table.</summary>
    /// <param name="isDeleted">Whether it is.</param>
    public static string Mark(bool isDeleted) => isDeleted ? "deleted" : "";
}
