using BorgStore.Hashing;

namespace BorgStore.Tests.Borg;

/// <summary>Files worth a backup: large, small, empty, identical, with all kinds of names, and links.</summary>
internal static class SampleTree
{
    /// <summary>Writes a tree. The same seed gives the same tree; other seeds share a part of its content.</summary>
    /// <param name="folder">The folder to create.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="largest">The size of the largest file [bytes].</param>
    public static void Write(string folder, int seed, int largest = 6 << 20)
    {
        var random = new Random(seed);
        Directory.CreateDirectory(Path.Combine(folder, "a", "b", "ä ö [x]"));
        var large = new byte[largest];
        random.NextBytes(large);
        // The first half is the same in all trees.
        new Random(0).NextBytes(large.AsSpan(0, largest / 2));
        File.WriteAllBytes(Path.Combine(folder, "large"), large);
        File.WriteAllBytes(Path.Combine(folder, "a", "copy of large"), large);
        File.WriteAllBytes(Path.Combine(folder, "a", "zeros"), new byte[1 << 20]);
        File.WriteAllBytes(Path.Combine(folder, "empty"), []);
        File.CreateSymbolicLink(Path.Combine(folder, "a", "link"), "../large");
        for (var i = 0; i < 150; i++)
        {
            var content = new byte[random.Next(20_000)];
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(folder, "a", "b", "ä ö [x]", $"{i}.bin"), content);
        }
    }

    /// <summary>Describes everything in a folder: paths, kinds, modes, times of files, and content.</summary>
    /// <param name="folder">The folder.</param>
    public static string[] Describe(string folder) => [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
        .Select(path => (Name: Path.GetRelativePath(folder, path), Info: (FileSystemInfo)new FileInfo(path)))
        .Select(entry => $"{entry.Name}: " + (
            entry.Info.LinkTarget is { } target ? $"link to {target}"
            : entry.Info.Attributes.HasFlag(FileAttributes.Directory) ? $"directory, {entry.Info.UnixFileMode}"
            : $"{HashKind.Sha256.ComputeHex(File.ReadAllBytes(entry.Info.FullName))}, {entry.Info.UnixFileMode}, {entry.Info.LastWriteTimeUtc:O}"))
        .Order(StringComparer.Ordinal)];
}
