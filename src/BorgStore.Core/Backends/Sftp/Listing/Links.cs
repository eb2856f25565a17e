namespace BorgStore.Backends.Sftp.Listing;

/// <summary>What the symbolic links in a directory count as.</summary>
internal enum Links
{
    /// <summary>As their targets, for whatever reads.</summary>
    AreFollowed,

    /// <summary>As themselves, for whatever deletes: it must not reach outside the store.</summary>
    AreEntries,
}
