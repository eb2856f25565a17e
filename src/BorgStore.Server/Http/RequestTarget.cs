using System.Globalization;
using BorgStore.Naming;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace BorgStore.Server.Http;

/// <summary>The target of a request, parsed from the raw request line.</summary>
/// <remarks>The framework's decoded path is unsuitable: it resolves dot segments and percent-encoding, which names do not have.</remarks>
internal readonly struct RequestTarget
{
    private readonly Dictionary<string, StringValues>? _query;

    /// <summary>Parses a target.</summary>
    /// <param name="rawTarget">The target: a path with an optional query, or a full URL.</param>
    public RequestTarget(string rawTarget)
        : this(SplitQuery(rawTarget))
    {
    }

    /// <summary>Parses a path and a query.</summary>
    /// <param name="parts">The path below the store, and the query with its question mark or <see langword="null"/>.</param>
    public RequestTarget((string Path, string? Query) parts)
    {
        IsListing = parts.Path.EndsWith('/');
        Name = parts.Path.Trim('/');
        // The query never has credentials; its keys and values are decoded like in Python's parse_qs.
        _query = parts.Query is null ? null : QueryHelpers.ParseQuery(parts.Query);
    }

    /// <summary>Splits a target into its path, and its query with the question mark or <see langword="null"/>.</summary>
    public static (string Path, string? Query) SplitQuery(string rawTarget)
    {
        var start = 0;
        if (rawTarget.Length > 0 && rawTarget[0] != '/' && rawTarget.IndexOf("://", StringComparison.Ordinal) is > 0 and var scheme)
            start = rawTarget.IndexOf('/', scheme + 3) is >= 0 and var slash ? slash : rawTarget.Length;
        var question = rawTarget.IndexOf('?', start);
        return question < 0 ? (rawTarget[start..], null) : (rawTarget[start..question], rawTarget[question..]);
    }

    /// <summary>The nested name, not validated yet; <c>""</c> for the store itself.</summary>
    public string Name { get; }

    /// <summary>Whether the path ends in a slash.</summary>
    public bool IsListing { get; }

    /// <summary>Returns a value of the query, or <see langword="null"/> if it is absent or empty.</summary>
    /// <param name="key">The key.</param>
    public string? this[string key] => _query is not null && _query.TryGetValue(key, out var values) && values[0] is { Length: > 0 } value ? value : null;

    /// <summary>Returns a value of the query that must be there.</summary>
    /// <param name="key">The key.</param>
    public string Require(string key) => this[key] ?? throw Missing(key);

    /// <summary>Returns a number of the query, or <see langword="null"/> if it is absent.</summary>
    /// <param name="key">The key.</param>
    public int? GetNumber(string key)
        => this[key] is not { } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new StoreException(StoreError.InvalidArgument, $"The argument '{key}' is no number.");

    /// <summary>Returns the exception for an argument that the query lacks.</summary>
    public static StoreException Missing(string argument) => new(StoreError.InvalidArgument, $"Missing {argument}: the query of the request has to give it.");

    /// <summary>Returns the name after checking that it may be read, moved away or deleted.</summary>
    public string GetReadableName() => CheckReadable(Name);

    /// <summary>Returns the name after checking that it may be written.</summary>
    public string GetWritableName()
    {
        ItemName.CheckWritable(Name, Name);
        return Name;
    }

    /// <summary>Returns the directory to list; <c>""</c> for the root.</summary>
    public string GetDirectory() => Name.Length == 0 ? "" : CheckReadable(Name);

    /// <summary>Returns the start of the names to list; <c>""</c> for all. With a slash, it would reach into directories whose permissions were not checked.</summary>
    public string GetPrefix() => this["prefix"] switch
    {
        null => "",
        var prefix when prefix.Contains('/') => throw new StoreException(StoreError.InvalidName, "The prefix of a listing contains a '/'. List the directory before it, by what follows it.", prefix),
        var prefix => prefix,
    };

    /// <summary>Checks a name to read. A second spelling of a name would bypass its permissions, so only one is allowed.</summary>
    /// <param name="name">The name.</param>
    public static string CheckReadable(string name)
    {
        ItemName.CheckReadable(name, name);
        if (name.Contains("//", StringComparison.Ordinal) || $"/{name}/".Contains("/./", StringComparison.Ordinal))
            throw new StoreException(StoreError.InvalidName, "The name has an element that is empty or a dot.", name);
        return name;
    }
}
