using BorgStore.Naming;

namespace BorgStore.Backends.Shared;

/// <summary>Detects content that no store has. A place with such content is not destroyed as a store.</summary>
internal static class ForeignContent
{
    /// <summary>Returns whether an element of a path has a name that nothing in a store has.</summary>
    /// <param name="path">A path below the root.</param>
    public static bool IsForeign(string path) => path.Split('/').Any(element => !ItemName.CanBeInStore(element));

    /// <summary>Returns the exception for refusing to destroy a place that is not only a store.</summary>
    /// <param name="displayUrl">The URL, without its password.</param>
    /// <param name="path">The path of the content.</param>
    /// <param name="reason">Why it does not belong to a store.</param>
    public static StoreException CreateException(string displayUrl, string path, string reason = "which is not a name that a store uses")
        => new(StoreError.StoreDoesNotExist,
            $"Nothing was removed, because '{displayUrl}' contains other files, too: there is '{path}', {reason}. Check the URL, or remove that yourself first.", displayUrl)
        { IsExplained = true };
}
