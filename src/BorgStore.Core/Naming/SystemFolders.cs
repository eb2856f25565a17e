namespace BorgStore.Naming;

/// <summary>Folders that systems create for themselves beside users' data.</summary>
internal static class SystemFolders
{
    /// <summary>The folder for what a check of a Linux file system recovers. It is in
    /// the root of a fresh file system, and often only root may read it.</summary>
    public const string LostAndFound = "lost+found";

    // Similar folders of NTFS and exFAT, and of macOS.
    private static readonly HashSet<string> FileSystemFolders =
        new(StringComparer.OrdinalIgnoreCase) { LostAndFound, "System Volume Information", "$RECYCLE.BIN", ".fseventsd", ".Spotlight-V100", ".Trashes" };

    /// <summary>Returns whether a file system itself creates a folder of this name in its root, so that it is not content there.</summary>
    /// <param name="name">The name of the folder.</param>
    public static bool IsFileSystemFolder(string name) => FileSystemFolders.Contains(name);

    /// <summary>Returns whether a folder of this name is hardly a namespace, unless it is given as one: hidden folders, such as <c>.git</c>
    /// and <c>.snapshot</c>, those of network storage, such as <c>@eaDir</c> and <c>#recycle</c>, and those of file systems.</summary>
    /// <param name="name">The name of the folder.</param>
    public static bool IsLikelySystemFolder(string name) => name is ['.' or '@' or '#', ..] || IsFileSystemFolder(name);
}
