using System.Globalization;
using System.Text;

namespace BorgStore.Tests.Fuzzing.Driver;

/// <summary>Inputs in a text file, one a line. Bytes that are not printable ASCII, and backslashes, are escaped; a line that starts with <c>#</c> is a comment.</summary>
internal static class InputFile
{
    /// <summary>Reads a file; a missing one has no inputs.</summary>
    /// <param name="path">The file.</param>
    public static List<byte[]> Read(string path)
        => File.Exists(path) ? [.. File.ReadLines(path).Where(line => !line.StartsWith('#')).Select(Parse)] : [];

    /// <summary>Adds an input to a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="input">The input.</param>
    public static void Append(string path, byte[] input)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.AppendAllText(path, Format(input) + "\n");
    }

    /// <summary>Returns the line for an input.</summary>
    public static string Format(byte[] input)
    {
        var line = new StringBuilder(input.Length);
        foreach (var value in input)
        {
            switch (value)
            {
                case (byte)'\r':
                    line.Append("\\r");
                    break;
                case (byte)'\n':
                    line.Append("\\n");
                    break;
                case (byte)'\\':
                    line.Append(@"\\");
                    break;
                case (byte)'#' when line.Length == 0:
                case < 0x20 or > 0x7e:
                    line.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
                    break;
                default:
                    line.Append((char)value);
                    break;
            }
        }
        return line.ToString();
    }

    private static byte[] Parse(string line)
    {
        var bytes = new List<byte>(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] != '\\')
            {
                bytes.Add((byte)line[i]);
                continue;
            }
            switch (line[++i])
            {
                case 'r':
                    bytes.Add((byte)'\r');
                    break;
                case 'n':
                    bytes.Add((byte)'\n');
                    break;
                case 'x':
                    bytes.Add(byte.Parse(line.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                    i += 2;
                    break;
                default:
                    bytes.Add((byte)line[i]);
                    break;
            }
        }
        return [.. bytes];
    }
}
