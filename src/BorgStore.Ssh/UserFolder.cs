namespace BorgStore.Backends.SshNet;

/// <summary>The user's own folder, where ssh keeps keys and known hosts.</summary>
internal static class UserFolder
{
    private static string Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>The folder <c>~/.ssh</c>.</summary>
    public static string Ssh => Path.Combine(Home, ".ssh");

    /// <summary>Returns a path with the home folder in place of <c>~</c>.</summary>
    /// <param name="path">The path.</param>
    public static string Expand(string path) => path.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(Home, path[2..]) : path;
}
