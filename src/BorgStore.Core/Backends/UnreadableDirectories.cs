namespace BorgStore.Backends;

/// <summary>The directories that a listing could not read. The listing continues with
/// the others and fails at its end, so that it is not taken for complete.</summary>
internal sealed class UnreadableDirectories
{
    private const int MaxShownNames = 3;

    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private StoreException? _first;

    /// <summary>Their names, starting from the root of the store.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <summary>Returns whether other directories may be readable after a failure.</summary>
    /// <param name="failure">The failure.</param>
    public static bool CanGoOnAfter(StoreException failure) => failure.Error is StoreError.PermissionDenied or StoreError.BackendFailure;

    /// <summary>Adds a directory.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="failure">Why it could not be read.</param>
    /// <returns>Whether the listing can continue; if not, nothing was added.</returns>
    public bool TryAdd(string name, StoreException failure)
    {
        if (!CanGoOnAfter(failure)) return false;
        if (_names.Add(name)) _first ??= failure;
        return true;
    }

    /// <summary>Forgets the directories, which the caller has reported.</summary>
    public void Clear()
    {
        _names.Clear();
        _first = null;
    }

    /// <summary>The failure to throw at the end of the listing, or <see langword="null"/> if it is complete.</summary>
    public StoreException? Failure
    {
        get
        {
            if (_first is null) return null;
            var shown = string.Join(", ", _names.Take(MaxShownNames).Select(name => $"'{name}'"));
            var more = _names.Count > MaxShownNames ? $" and {_names.Count - MaxShownNames} more" : "";
            return new(_first.Error, $"Everything was listed except the contents of {shown}{more}. {StoreErrorText.ToSentence(_first.Detail)}".TrimEnd(), _names.Min, _first);
        }
    }
}
