using System.Globalization;
using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>The times of items in responses, in seconds since 1970.</summary>
/// <param name="url">The URL of the storage.</param>
internal sealed class ItemTimes(string url)
{
    // Rclone passes on the client's time, and only a time of the storage's own clock is worth returning.
    private readonly bool _hasWriteTimes = !url.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase);

    /// <summary>Returns when an item was written, or 1970 if that is unknown.</summary>
    public DateTime GetWriteTime(ItemInfo info)
        => _hasWriteTimes && info.LastWriteTime is { } written ? written : DateTime.UnixEpoch;

    /// <summary>Formats a time for a header.</summary>
    public static string Format(DateTime time) => ToSeconds(time).ToString("0.0######", CultureInfo.InvariantCulture);

    /// <summary>Converts a time for JSON.</summary>
    public static double ToSeconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks / (double)TimeSpan.TicksPerSecond;
}
