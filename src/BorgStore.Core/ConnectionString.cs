using System.Text.RegularExpressions;

namespace BorgStore;

/// <summary>Redacts the connection strings of rclone, whose parameters may hold secrets.</summary>
internal static partial class ConnectionString
{
    private const string Hidden = "***";

    // All other parameters may hold a secret.
    private static readonly HashSet<string> ShownParameters = ["host", "port", "user", "provider", "region"];

    /// <summary>Returns a remote without the values of parameters that may be secret.</summary>
    /// <param name="remote">The remote: <c>name,key=value,key='a value with , and : and a '' quote',…:path</c>.</param>
    /// <param name="secrets">The list to add these values to.</param>
    public static string Redact(string remote, List<string> secrets)
    {
        if (remote.Length == 0) return remote;
        // A backend without a name starts with a colon.
        var position = FindEnd(remote, remote[0] == ':' ? 1 : 0, ",:/");
        if (position == remote.Length || remote[position] != ',') return RedactUnparsed(remote);

        var firstSecret = -1;
        while (position < remote.Length && remote[position] == ',')
        {
            var keyStart = position + 1;
            position = FindEnd(remote, keyStart, "=,:");
            if (position == remote.Length || remote[position] != '=') continue;

            var key = remote[keyStart..position];
            var valueStart = ++position;
            position = SkipValue(remote, position);
            if (ShownParameters.Contains(key)) continue;
            AddSecret(remote[valueStart..position], secrets);
            if (firstSecret < 0) firstSecret = valueStart;
        }
        if (firstSecret < 0) return RedactUnparsed(remote);
        // An unquoted comma or colon may occur inside a secret, so everything is hidden from the first secret to the last place where the path
        // can start.
        return string.Concat(remote.AsSpan(0, firstSecret), Hidden, remote.AsSpan(Math.Max(position, remote.LastIndexOf(':'))));
    }

    // Hides text that looks like a parameter where none can be, because of a mistyped connection string.
    private static string RedactUnparsed(string remote)
    {
        if ((remote[0] == '/' ? SecretPattern() : ParameterPattern()).Match(remote) is not { Success: true } parameter) return remote;
        var start = parameter.Index + parameter.Length;
        return string.Concat(remote.AsSpan(0, start), Hidden, remote.AsSpan(remote.LastIndexOf(':') is var colon && colon > start ? colon : remote.Length));
    }

    // For paths, which may contain commas.
    [GeneratedRegex(",[^,=]*(?:pass|secret|token|key|auth)[^,=]*=", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SecretPattern();

    [GeneratedRegex("(?:^[^,=:/]+|,(?!(?:host|port|user|provider|region)=)[^,=]+)=")]
    private static partial Regex ParameterPattern();

    private static int FindEnd(string text, int start, string ends)
        => text.AsSpan(start).IndexOfAny(ends) is >= 0 and var length ? start + length : text.Length;

    private static int SkipValue(string remote, int position)
    {
        if (position < remote.Length && remote[position] is '\'' or '"')
        {
            var quote = remote[position++];
            for (; position < remote.Length; position++)
            {
                if (remote[position] != quote) continue;
                // A doubled quote is an escaped quote.
                if (position + 1 == remote.Length || remote[position + 1] != quote) return position + 1;
                position++;
            }
        }
        while (position < remote.Length && remote[position] is not (',' or ':')) position++;
        return position;
    }

    private static void AddSecret(string value, List<string> secrets)
    {
        var text = value.Trim('\'', '"');
        if (text.Length > 0 && text is not ("true" or "false")) secrets.Add(text);
    }
}
