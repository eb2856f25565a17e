using System.Globalization;

namespace BorgStore.Server.Hosting;

/// <summary>The maximum number of open files of this process. Every connection needs some.</summary>
/// <remarks>Without a free descriptor, the runtime cannot load more of the program and terminates.</remarks>
internal static class OpenFiles
{
    private const string LimitsFile = "/proc/self/limits";
    private const string Row = "Max open files";

    // For the program with all its libraries (about 140, a few more with TLS or S3), and for connections being rejected.
    private const int Reserved = 208;

    // A connection has its socket, a value being read or written, and one more while ranges are copied or an answer is spooled to disk.
    private const int PerConnection = 3;

    /// <summary>The number of connections that may be waiting to be rejected.</summary>
    public const int MaxPendingRejections = 8;

    /// <summary>The minimum number of open files that the server needs to start.</summary>
    public const int Minimum = Reserved + (16 * PerConnection);

    /// <summary>Returns the limit, or <see cref="int.MaxValue"/> if it is unlimited or unknown.</summary>
    public static int GetLimit()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(LimitsFile)) return int.MaxValue;
        foreach (var line in File.ReadAllLines(LimitsFile))
            if (line.StartsWith(Row, StringComparison.Ordinal)
                && int.TryParse(line[Row.Length..].TrimStart().Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var limit))
                return limit;
        return int.MaxValue;
    }

    /// <summary>Returns the number of connections within the limit.</summary>
    /// <param name="max">The maximum to return.</param>
    public static int LimitConnections(int max) => Math.Min(max, Math.Max(1, (GetLimit() - Reserved) / PerConnection));
}
