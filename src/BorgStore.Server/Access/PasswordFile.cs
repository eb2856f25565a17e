using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Server.Access;

/// <summary>Users and the hashes of their passwords, from a file as <c>htpasswd</c> writes it: <c>NAME:HASH</c>, one a line.</summary>
internal sealed class PasswordFile
{
    private static readonly byte[] DecoyKey = RandomNumberGenerator.GetBytes(32);

    private readonly OrderedDictionary<string, string> _hashes = new(StringComparer.Ordinal);

    private PasswordFile()
    {
    }

    /// <summary>The names of the users, in the order of the file.</summary>
    public IEnumerable<string> Users => _hashes.Keys;

    /// <summary>Returns the hash of a user's password, or <see langword="null"/> if there is no such user.</summary>
    public string? FindHash(string user) => _hashes.GetValueOrDefault(user);

    /// <summary>Returns the hash of any user to verify for a name that has none, or <see langword="null"/> if there are no users. The hashes of a file
    /// may differ in how long they take to verify, so that one of a fixed kind would tell names that exist from others.</summary>
    /// <param name="name">The name, which always gets the same hash, as a user would.</param>
    public string? FindDecoy(string name)
        => _hashes.Count == 0 ? null
            : _hashes.GetAt((int)(BinaryPrimitives.ReadUInt32LittleEndian(HMACSHA256.HashData(DecoyKey, Encoding.UTF8.GetBytes(name))) % _hashes.Count)).Value;

    /// <summary>Parses the text of a file.</summary>
    /// <param name="text">The text.</param>
    /// <param name="file">The path of the file, for messages.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> with all that is wrong.</exception>
    public static PasswordFile Parse(string text, string file)
    {
        var parsed = new PasswordFile();
        var problems = new List<string>();
        var number = 0;
        foreach (var line in text.Split('\n').Select(line => line.TrimEnd('\r')))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            if (line.IndexOf(':') is not (> 0 and var colon))
                problems.Add($"line {number} is not of the form NAME:HASH");
            else if (DescribeNameProblem(line[..colon]) is { } nameProblem)
                problems.Add($"the name on line {number} {nameProblem}");
            // Never the hash itself: it may be a password in plain text.
            else if (PasswordHash.DescribeProblem(line[(colon + 1)..]) is { } problem)
                problems.Add($"the password of '{line[..colon]}' on line {number} {problem}");
            else if (!parsed._hashes.TryAdd(line[..colon], line[(colon + 1)..]))
                problems.Add($"'{line[..colon]}' on line {number} is there twice");
        }
        return problems.Count == 0 ? parsed : throw new StoreException(StoreError.InvalidArgument, $"The users file '{file}' is not valid: {string.Join("; ", problems)}.");
    }

    /// <summary>Returns what is wrong with the name of a user, as the end of a sentence, or <see langword="null"/>.</summary>
    public static string? DescribeNameProblem(string name)
        => name.Length == 0 ? "is empty"
            : name.Contains(':') ? "contains a ':', which separates user and password in a request"
            : name.Any(char.IsControl) || name.Trim() != name ? "begins or ends with a space, or contains a control character"
            : name.Length > 255 ? "is longer than 255 characters"
            : null;
}
