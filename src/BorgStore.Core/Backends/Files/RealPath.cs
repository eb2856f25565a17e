namespace BorgStore.Backends.Files;

/// <summary>Resolves paths without links.</summary>
internal static class RealPath
{
    // The limit of Linux.
    private const int MaxLinks = 40;

    /// <summary>Returns whether a path is a folder or inside it, whatever links, <c>..</c> and spellings the path contains.</summary>
    /// <param name="path">A path, any part of which may not exist yet.</param>
    /// <param name="folder">The path of the folder, which may not exist either.</param>
    public static bool IsWithin(string path, string folder)
    {
        var (inner, outer) = (WithEnd(Find(path)), WithEnd(Find(folder)));
        return inner.StartsWith(outer, StringComparison.Ordinal)
            || (inner.StartsWith(outer, StringComparison.OrdinalIgnoreCase) && !HasBoth(inner[..outer.Length], outer));
    }

    /// <summary>Returns an absolute path without links. It is resolved like the system does it, element by element, so
    /// that <c>..</c> leaves the folder that a link points to. Elements that do not exist stay as they are.</summary>
    /// <param name="path">A path.</param>
    public static string Find(string path)
    {
        var start = Path.Combine(Environment.CurrentDirectory, path);
        var real = Path.GetPathRoot(start)!;
        var ahead = new Stack<string>(Enumerable.Reverse(Split(start[real.Length..])));
        for (var links = 0; ahead.TryPop(out var element);)
        {
            if (element == ".") continue;
            if (element == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }
            var next = Path.Combine(real, element);
            if (links < MaxLinks && TargetOf(next) is { } target)
            {
                links++;
                if (Path.IsPathRooted(target)) real = Path.GetPathRoot(Path.GetFullPath(target))!;
                foreach (var part in Enumerable.Reverse(Split(target[(Path.GetPathRoot(target)?.Length ?? 0)..]))) ahead.Push(part);
            }
            else
            {
                real = next;
            }
        }
        return real;
    }

    private static string[] Split(string path) => path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);

    private static string? TargetOf(string path)
    {
        try
        {
            return new DirectoryInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A user who cannot look there cannot use it either.
            return null;
        }
    }

    // Whether two paths that differ in case are different for the file system too.
    private static bool HasBoth(string path, string other)
    {
        if (OperatingSystem.IsWindows()) return false;
        var same = path.Zip(other).TakeWhile(pair => pair.First == pair.Second).Count();
        var start = path.LastIndexOf(Path.DirectorySeparatorChar, same - 1) + 1;
        var (one, two) = (ElementAt(path, start), ElementAt(other, start));
        var names = Directory.Exists(path[..start])
            ? Directory.EnumerateFileSystemEntries(path[..start]).Select(Path.GetFileName).Where(name => name == one || name == two).ToHashSet() : [];
        return names.Count switch
        {
            2 => true,
            1 => !Path.Exists(path[..start] + one) || !Path.Exists(path[..start] + two),
            _ => !OperatingSystem.IsMacOS(),
        };
    }

    private static string ElementAt(string path, int start) => path[start..path.IndexOf(Path.DirectorySeparatorChar, start)];

    private static string WithEnd(string path) => Path.EndsInDirectorySeparator(path) ? path : path + Path.DirectorySeparatorChar;
}
