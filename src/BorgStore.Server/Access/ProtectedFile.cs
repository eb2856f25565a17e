using System.Text;

namespace BorgStore.Server.Access;

/// <summary>Changes files that only their owner may read. A reader finds the old content or the new, and of several programs that change a
/// file at the same time, none undoes what another did.</summary>
internal static class ProtectedFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Changes a file, which need not exist yet.</summary>
    /// <param name="path">The path.</param>
    /// <param name="change">Returns the new text for the old one, which is empty for a new file.</param>
    public static void Update(string path, Func<string, string> change)
    {
        // A link is followed, so that the file it leads to is replaced and not the link.
        path = new FileInfo(path).LinkTarget is null ? Path.GetFullPath(path) : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        using var held = Lock(path + ".lock");
        var text = change(File.Exists(path) ? File.ReadAllText(path) : "");
        ReplacedFile.Write(path, file => file.Write(Encoding.UTF8.GetBytes(text)), OwnerOnly);
    }

    // The file stays, because a waiting program would else lock one that is gone.
    private static FileStream Lock(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        for (var start = Environment.TickCount64; ; Thread.Sleep(20))
        {
            try
            {
                return new(path, options);
            }
            catch (IOException) when (File.Exists(path) && Environment.TickCount64 - start < LockTimeout.TotalMilliseconds)
            {
                // Another program is changing the file.
            }
        }
    }
}
