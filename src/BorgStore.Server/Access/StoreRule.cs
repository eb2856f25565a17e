using System.IO.Enumeration;

namespace BorgStore.Server.Access;

/// <summary>A rule: the stores that it is about, and what is allowed there.</summary>
/// <param name="Stores">A pattern of names, in which <c>*</c> and <c>?</c> stand for characters of one element; <c>*</c> alone for every store.</param>
/// <param name="Value">What applies to them.</param>
/// <typeparam name="T">The type of the value.</typeparam>
internal sealed record StoreRule<T>(string Stores, T Value)
{
    private readonly bool _isName = Stores.AsSpan().IndexOfAny('*', '?') < 0;
    private readonly string[] _patterns = Stores.Split('/');

    /// <summary>Returns whether the rule is about a store.</summary>
    public bool Matches(string store)
    {
        if (Stores == "*" || Stores == store) return true;
        if (_isName) return false;
        var elements = store.Split('/');
        return _patterns.Length == elements.Length
            && _patterns.Zip(elements).All(pair => FileSystemName.MatchesSimpleExpression(pair.First, pair.Second, ignoreCase: false));
    }
}
