using BorgStore.Naming;

namespace BorgStore.Backends;

/// <summary>Content that no store has. Where it lies is no store, and is not destroyed as one.</summary>
internal static class ForeignContent
{
    /// <summary>Returns whether one of the elements of a path has a name that nothing in a store has.</summary>
    /// <param name="path">A path below the root.</param>
    public static bool IsIn(string path) => path.Split('/').Any(element => !ItemName.MayLieInStore(element));

    /// <summary>Refuses to destroy what is no store.</summary>
    /// <param name="shownUrl">The URL, without its password.</param>
    /// <param name="path">What lies there.</param>
    /// <param name="reason">Why it does not belong to a store.</param>
    public static StoreException Refuse(string shownUrl, string path, string reason = "which nothing in a store is named")
        => new(StoreError.StoreDoesNotExist,
            $"Nothing was removed, because '{shownUrl}' is not only a store: there is '{path}', {reason}. Check the URL, or remove that yourself first.", shownUrl);
}
