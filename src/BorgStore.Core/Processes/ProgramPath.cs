namespace BorgStore.Processes;

/// <summary>Finds programs in the folders of the variable PATH.</summary>
internal static class ProgramPath
{
    /// <summary>Returns the path of a program, or <see langword="null"/> if it is not found. Relative folders in PATH
    /// are ignored: they depend on the working directory, where anybody may have put a program of that name.</summary>
    /// <param name="fileName">The file name, including its extension.</param>
    public static string? Find(string fileName)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
}
