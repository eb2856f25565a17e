namespace BorgStore.Naming;

/// <summary>Folders that systems keep for themselves beside what users store.</summary>
internal static class SystemFolders
{
    /// <summary>Where the file systems of Linux keep what a check of them finds. A fresh one has it in its root, and often only root may read it.</summary>
    public const string LostAndFound = "lost+found";

    // Others of the same kind, of NTFS and exFAT, and of macOS.
    private static readonly HashSet<string> OfFileSystems =
        new(StringComparer.OrdinalIgnoreCase) { LostAndFound, "System Volume Information", "$RECYCLE.BIN", ".fseventsd", ".Spotlight-V100", ".Trashes" };

    /// <summary>Whether a file system makes a folder of this name in its root by itself, so that there it is no content.</summary>
    /// <param name="name">The name of the folder.</param>
    public static bool IsOfFileSystem(string name) => OfFileSystems.Contains(name);

    /// <summary>Whether a folder of this name is hardly a namespace, unless somebody says so: hidden ones, such as <c>.git</c> and
    /// <c>.snapshot</c>, those of network storage, such as <c>@eaDir</c> and <c>#recycle</c>, and those of file systems.</summary>
    /// <param name="name">The name of the folder.</param>
    public static bool IsProbably(string name) => name is ['.' or '@' or '#', ..] || IsOfFileSystem(name);
}
