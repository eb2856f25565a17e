namespace BorgStore.Backends.Sftp.Listing;

/// <summary>How to treat symbolic links in a directory.</summary>
internal enum Links
{
    /// <summary>As their targets, for reading.</summary>
    AreFollowed,

    /// <summary>As themselves, for deletions, which must not reach outside the store.</summary>
    AreEntries,
}
