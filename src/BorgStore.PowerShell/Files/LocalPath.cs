using System.Collections.ObjectModel;
using System.Management.Automation;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Files;

/// <summary>Resolves PowerShell paths to files. Must be called on the pipeline thread.</summary>
internal static class LocalPath
{
    public const string FileSystem = "FileSystem";

    // How long opening a file may take before a warning.
    private static readonly TimeSpan OpenWarningDelay = TimeSpan.FromSeconds(2);

    // The property for the Unix view, which only the provider can compute.
    private static readonly ScriptBlock UnixStat = ScriptBlock.Create("(Get-Item -LiteralPath $this.FullName -Force).UnixStat");

    /// <summary>Returns the files that match the patterns, without folders.</summary>
    public static IEnumerable<string> Resolve(StoreCommand cmdlet, IEnumerable<string> patterns)
        => patterns.SelectMany(pattern => Find(cmdlet, pattern, literal: false));

    /// <summary>Returns the files with exactly these paths.</summary>
    public static IEnumerable<string> ResolveLiteral(StoreCommand cmdlet, IEnumerable<string> paths)
        => paths.SelectMany(path => Find(cmdlet, path, literal: true));

    /// <summary>Returns whether a text is the path of a file, or a pattern that a file matches.</summary>
    public static bool IsFile(PSCmdlet cmdlet, string text)
    {
        // 4096 is the longest path on Linux; a path never has line breaks in practice.
        if (text.Length is 0 or > 4096 || text.AsSpan().ContainsAny('\n', '\r')) return false;
        try
        {
            return cmdlet.SessionState.Path.GetResolvedProviderPathFromPSPath(text, out var provider) is var found
                && provider.Name == FileSystem && found.Any(File.Exists);
        }
        catch (Exception e) when (e is RuntimeException or NotSupportedException or ArgumentException or IOException)
        {
            return false;
        }
    }

    /// <summary>Returns the full path of a file or folder, which need not exist.</summary>
    public static string ResolveAny(StoreCommand cmdlet, string path)
    {
        var resolved = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        return provider.Name == FileSystem ? resolved : throw NotInFileSystem(path, provider);
    }

    /// <summary>Throws if a folder cannot exist because it, or one of its parents, is a file.</summary>
    public static void CheckFolder(string folder)
    {
        for (var path = Path.TrimEndingDirectorySeparator(folder); !string.IsNullOrEmpty(path) && !Directory.Exists(path); path = Path.GetDirectoryName(path))
        {
            if (File.Exists(path))
                throw new StoreException(StoreError.InvalidArgument,
                    $"'{path}' is a file, so nothing can be written into a folder of that name. Specify another folder; or, to write one file, a path that does not end in '/'.", path);
        }
    }

    /// <summary>Returns the path of a piped object that is a file, or null.</summary>
    public static string? FromObject(object? value)
    {
        if (value is null) return null;
        var wrapped = PSObject.AsPSObject(value);
        if (wrapped.Properties["PSPath"]?.Value is string path && wrapped.BaseObject is FileSystemInfo or PSCustomObject) return path;
        return (wrapped.BaseObject as FileSystemInfo)?.FullName;
    }

    /// <summary>Adds the properties to a file by which other cmdlets bind it from the pipeline and views show it. Get-Item would add them as well,
    /// but reads the mount table four times per file.</summary>
    public static object Present(PSCmdlet cmdlet, object result)
    {
        if (result is not FileInfo file) return result;
        var provider = cmdlet.SessionState.Provider.GetOne(FileSystem);
        var prefix = $@"{provider.ModuleName}\{provider.Name}::";
        var item = new PSObject(file);
        item.Properties.Add(new PSNoteProperty("PSPath", prefix + file.FullName));
        item.Properties.Add(new PSNoteProperty("PSParentPath", prefix + file.DirectoryName));
        item.Properties.Add(new PSNoteProperty("PSChildName", file.Name));
        item.Properties.Add(new PSNoteProperty("PSProvider", provider));
        item.Properties.Add(new PSNoteProperty("PSIsContainer", false));
        if (!OperatingSystem.IsWindows()) item.Properties.Add(new PSScriptProperty("UnixStat", UnixStat));
        return item;
    }

    /// <summary>Opens a file for sequential reading. Opening a FIFO blocks the thread until another program opens it for writing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="warn">Called with a warning if opening takes long.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<FileStream> OpenReadAsync(string path, Func<string, ValueTask> warn, CancellationToken cancellationToken)
    {
        var opening = Task.Run(() => new FileStream(path, new FileStreamOptions
        {
            Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0,
            Options = FileOptions.SequentialScan,
        }), CancellationToken.None);
        try
        {
            if (await Task.WhenAny(opening, Task.Delay(OpenWarningDelay, cancellationToken)) != opening)
                await warn($"'{path}' is not open yet. If it is a FIFO, it waits for a program to write into it; press Ctrl-C to stop waiting.");
            return await opening.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _ = opening.ContinueWith(static late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    private static Collection<string> Find(StoreCommand cmdlet, string path, bool literal)
    {
        var files = new Collection<string>();
        try
        {
            ProviderInfo provider;
            Collection<string> found;
            if (literal) found = [cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _)];
            else found = cmdlet.SessionState.Path.GetResolvedProviderPathFromPSPath(path, out provider);
            if (provider.Name != FileSystem) throw NotInFileSystem(path, provider);

            var isPattern = !literal && WildcardPattern.ContainsWildcardCharacters(path);
            foreach (var file in found)
            {
                if (File.Exists(file)) files.Add(file);
                else if (!Directory.Exists(file))
                    throw new StoreException(StoreError.InvalidArgument, $"There is no file '{file}', so nothing was stored. Give the path of an existing file.", file);
                else if (!isPattern)
                    throw new StoreException(StoreError.InvalidArgument,
                        $"'{file}' is a folder. Store the files in it: Get-ChildItem '{file}' -File | Set-BorgStoreItem -Namespace …", file);
            }
            if (isPattern) WarnOfPattern(cmdlet, path, files);
        }
        catch (Exception e) when (e is StoreException or SessionStateException)
        {
            cmdlet.WriteError(e, path);
        }
        return files;
    }

    // A file name with brackets is easily mistaken for a literal path, and a pattern without matches is not an error.
    private static void WarnOfPattern(StoreCommand cmdlet, string pattern, Collection<string> files)
    {
        var sameName = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(pattern, out _, out _);
        var hasSameName = File.Exists(sameName) && !files.Contains(sameName);
        if (files.Count > 0 && !hasSameName) return;
        cmdlet.WriteWarning($"{(files.Count > 0 ? $"'{pattern}' is a pattern that matches other files" : $"No file matches the pattern '{pattern}', so nothing was stored")}"
            + (hasSameName ? "; to store the file with exactly that name, use -LiteralPath." : ". If '*', '?' or '[' belong to the name of a file, specify it with -LiteralPath."));
    }

    public static StoreException NotInFileSystem(string path, ProviderInfo provider) => new(StoreError.InvalidArgument,
        $"'{path}' is on a drive of the provider {provider.Name}. Specify a path of the file system.", path);
}
