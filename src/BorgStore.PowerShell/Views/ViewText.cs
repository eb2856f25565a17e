using System.ComponentModel;
using System.Globalization;
using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore.PowerShell.Views;

/// <summary>Texts for the views in BorgStore.format.ps1xml.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ViewText
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Returns a text that may come from others, such as a name or a URL, with control characters escaped.</summary>
    /// <param name="value">The text, an object to show as text, or null.</param>
    public static string Text(object? value) => value?.ToString() is { } text ? PrintableText.Escape(text) : "";

    /// <summary>Returns a size with three digits and a unit.</summary>
    /// <param name="bytes">The size [bytes], or null.</param>
    public static string Size(double? bytes)
    {
        if (bytes is not { } size) return "";
        var unit = 0;
        // A size that would be rounded to 1024 gets the next unit.
        while (size >= 1023.5 && unit < Units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        var format = unit == 0 || size >= 99.95 ? "0" : size >= 9.995 ? "0.0" : "0.00";
        return $"{size.ToString(format, CultureInfo.CurrentCulture)} {Units[unit]}";
    }

    /// <summary>Returns a speed, or an empty text for zero.</summary>
    /// <param name="bytesPerSecond">The speed [bytes/s].</param>
    public static string Rate(double bytesPerSecond) => bytesPerSecond > 0 ? Size(bytesPerSecond) + "/s" : "";

    /// <summary>Returns a time to the minute, in the format of the user's culture.</summary>
    /// <param name="time">The time, or null.</param>
    public static string Time(DateTime? time) => time?.ToString("g", CultureInfo.CurrentCulture) ?? "";

    /// <summary>Returns a duration in the largest unit that fits, such as <c>12 min</c>.</summary>
    /// <param name="duration">The duration, or null.</param>
    public static string Duration(TimeSpan? duration) => duration switch
    {
        null => "",
        { TotalDays: >= 1 } time => $"{time.Days} d",
        { TotalHours: >= 1 } time => $"{time.Hours} h",
        { TotalMinutes: >= 1 } time => $"{time.Minutes} min",
        { } time => $"{time.Seconds} s",
    };

    /// <summary>Returns a size both with a unit and exactly.</summary>
    /// <param name="bytes">The size [bytes], or null.</param>
    public static string ExactSize(long? bytes)
        => bytes is >= 1024 ? $"{Size(bytes)} ({bytes.Value.ToString("n0", CultureInfo.CurrentCulture)} bytes)" : Size(bytes);

    /// <summary>Returns namespaces and their levels as text.</summary>
    /// <param name="namespaces">The namespaces.</param>
    public static string Namespaces(IEnumerable<NamespaceLayout> namespaces) => Text(new StoreLayout(namespaces));

    /// <summary>Returns permissions as text.</summary>
    /// <param name="map">The permissions, or null.</param>
    /// <param name="separator">The separator between two paths.</param>
    public static string Permissions(PermissionMap? map, string separator = "; ")
        => map is null ? "all" : string.Join(separator, map.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{(entry.Key.Length == 0 ? "''" : Text(entry.Key))} = {PermissionMap.FormatRights(entry.Value)}"));

    /// <summary>Returns the mark of a soft-deleted item in a table.</summary>
    /// <param name="isDeleted">Whether the item is soft-deleted.</param>
    public static string Mark(bool isDeleted) => isDeleted ? "deleted" : "";
}
