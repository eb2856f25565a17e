using BorgStore.Naming;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace BorgStore.Server.Http;

/// <summary>What a request is about, read from the target as it stood in the request line.</summary>
/// <remarks>The framework's decoded path won't do: it resolves dot segments and percent-encoding, which names don't have.</remarks>
internal readonly struct RequestTarget
{
    private readonly Dictionary<string, StringValues>? _query;

    /// <summary>Reads a target.</summary>
    /// <param name="rawTarget">The target: a path with a query, or a whole URL.</param>
    public RequestTarget(string rawTarget)
    {
        var start = 0;
        if (rawTarget.Length > 0 && rawTarget[0] != '/' && rawTarget.IndexOf("://", StringComparison.Ordinal) is > 0 and var scheme)
            start = rawTarget.IndexOf('/', scheme + 3) is >= 0 and var slash ? slash : rawTarget.Length;
        var question = rawTarget.IndexOf('?', start);
        var path = rawTarget.AsSpan(start, (question < 0 ? rawTarget.Length : question) - start);
        IsListing = path.EndsWith("/");
        Name = path.Trim('/').ToString();
        // Requests with credentials in their query don't exist; keys and values are decoded as Python's parse_qs does it.
        _query = question < 0 ? null : QueryHelpers.ParseQuery(rawTarget[question..]);
    }

    /// <summary>The nested name, not checked yet; <c>""</c> for the store itself.</summary>
    public string Name { get; }

    /// <summary>Whether the path ends in a slash.</summary>
    public bool IsListing { get; }

    /// <summary>A value of the query, or <see langword="null"/> where it is absent or empty.</summary>
    /// <param name="key">The key.</param>
    public string? this[string key] => _query is not null && _query.TryGetValue(key, out var values) && values[0] is { Length: > 0 } value ? value : null;

    /// <summary>The name, which has to be one that may be read, moved away or deleted.</summary>
    public string GetReadableName() => CheckReadable(Name);

    /// <summary>The name, which has to be one that may be written.</summary>
    public string GetWritableName()
    {
        ItemName.CheckWritable(Name, Name);
        return Name;
    }

    /// <summary>The directory to list; <c>""</c> for the root.</summary>
    public string GetDirectory() => Name.Length == 0 ? "" : CheckReadable(Name);

    /// <summary>Checks a name that is to be read. Two spellings of one name would get round its permissions, so there is only one.</summary>
    /// <param name="name">The name.</param>
    public static string CheckReadable(string name)
    {
        ItemName.CheckReadable(name, name);
        if (name.Contains("//", StringComparison.Ordinal) || $"/{name}/".Contains("/./", StringComparison.Ordinal))
            throw new StoreException(StoreError.InvalidName, "The name has an element that is empty or a dot.", name);
        return name;
    }
}
