using System.Globalization;

namespace BorgStore.Server.Hosting;

/// <summary>The number of files that this process may have open, of which every connection takes some.</summary>
/// <remarks>Without a descriptor the runtime cannot load the next part of the program, and ends.</remarks>
internal static class OpenFiles
{
    private const string LimitsFile = "/proc/self/limits";
    private const string Row = "Max open files";

    // The program itself, with all its libraries (about 140, a few more with TLS or S3), and connections that are just being refused.
    private const int Reserved = 208;

    // A connection has its socket, a value that is read or written, and one more while ranges are copied or an answer waits on the disk.
    private const int PerConnection = 3;

    /// <summary>The number of connections that may wait for their refusal.</summary>
    public const int BeingRefused = 8;

    /// <summary>The fewest open files that the server starts with.</summary>
    public const int Fewest = Reserved + (16 * PerConnection);

    /// <summary>Reads the limit; <see cref="int.MaxValue"/> where there is none or the system does not tell it.</summary>
    public static int GetLimit()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(LimitsFile)) return int.MaxValue;
        foreach (var line in File.ReadAllLines(LimitsFile))
            if (line.StartsWith(Row, StringComparison.Ordinal)
                && int.TryParse(line[Row.Length..].TrimStart().Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var limit))
                return limit;
        return int.MaxValue;
    }

    /// <summary>The number of connections that fit.</summary>
    /// <param name="most">The most that there shall be.</param>
    public static int LimitConnections(int most) => Math.Min(most, Math.Max(1, (GetLimit() - Reserved) / PerConnection));
}
