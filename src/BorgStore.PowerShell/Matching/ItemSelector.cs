namespace BorgStore.PowerShell.Matching;

/// <summary>Selects items by <c>-Include</c> and <c>-Exclude</c>.</summary>
internal sealed class ItemSelector(IEnumerable<string> include, IEnumerable<string> exclude)
{
    private readonly ItemFilter _include = new(include);
    private readonly ItemFilter _exclude = new(exclude);

    public bool Selects(StoreItem item) => _include.Admits(item) && !_exclude.Matches(item);
}
