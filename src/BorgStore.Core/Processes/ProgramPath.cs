namespace BorgStore.Processes;

/// <summary>Finds programs in the folders of the variable PATH.</summary>
internal static class ProgramPath
{
    /// <summary>Returns the path of a program, or <see langword="null"/>. Folders that PATH names by a relative path are passed over: they depend on
    /// the working directory, where anybody may have put a program of that name.</summary>
    /// <param name="fileName">The name of its file, with its extension.</param>
    public static string? Find(string fileName)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
}
