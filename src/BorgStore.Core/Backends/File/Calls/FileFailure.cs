namespace BorgStore.Backends.Files;

/// <summary>A failed file system call. Only callers know which operation it belongs to.</summary>
/// <param name="error">The kind of error.</param>
/// <param name="reason">The reason, as the end of a sentence; without any path.</param>
internal sealed class FileFailure(StoreError error, string reason) : Exception(reason)
{
    public StoreError Error { get; } = error;

    /// <summary>Creates the exception for the store's caller.</summary>
    /// <param name="task">What was tried, as in "Could not … 'name'".</param>
    /// <param name="name">The item, or an empty string for the store as a whole.</param>
    public StoreException While(string task, string name)
    {
        var (item, shown) = name.Length > 0 ? (name, $"'{name}'") : (null, "the store");
        var detail = Error == StoreError.StoreDoesNotExist ? null : $"{Message}.{Advice}";
        return StoreException.While(Error, $"{task} {shown}", item, detail, this);
    }

    private string Advice => Error switch
    {
        StoreError.PermissionDenied => " Check who owns the files of the store and how its file system is mounted.",
        _ => "",
    };
}
