using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;

namespace BorgStore.Tests.Backends.Files;

/// <summary>The contract on a directory, for one set of system calls and one durability.</summary>
public abstract class FileBackendContract(BackendOptions options) : BackendContract
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), "borgstore-test-" + Guid.NewGuid().ToString("n"));

    protected override BackendLimits Limits => Wine.OfFiles;

    protected override bool KnowsDeletedTime => OperatingSystem.IsLinux();

    protected override bool Copies(StoreMode mode) => LinuxFileSystem.IsSupported;

    internal abstract FileSystem CreateFileSystem(string root);

    protected override ValueTask<IBackend> CreateBackendAsync()
        => new(new FileBackend(_path, options, CreateFileSystem));

    protected override ValueTask CleanUpAsync()
    {
        if (Directory.Exists(_path)) Directory.Delete(_path, recursive: true);
        return ValueTask.CompletedTask;
    }

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        var file = Path.Combine(_path, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await System.IO.File.WriteAllBytesAsync(file, content, Ct);
        return true;
    }

    protected override string? RawFolder => _path;

    protected override ValueTask<bool> PutRawLinkAsync(string path, string target) => MakeLink(Path.Combine(_path, path), target);

    protected override ValueTask<IReadOnlyList<string>?> ListRawAsync() => new(
        [.. Directory.EnumerateFiles(_path, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_path, file).Replace('\\', '/'))
            .Where(file => !file.StartsWith("quota", StringComparison.Ordinal))]);
}

public sealed class LinuxFileBackendTests() : FileBackendContract(new BackendOptions())
{
    public override ValueTask InitializeAsync()
    {
        if (!LinuxFileSystem.IsSupported) Assert.Skip("The system calls of Linux are on Linux only.");
        return base.InitializeAsync();
    }

    internal override FileSystem CreateFileSystem(string root) => new LinuxFileSystem(root);
}

public sealed class PortableFileBackendTests() : FileBackendContract(new BackendOptions())
{
    protected override bool KnowsDeletedTime => false;

    protected override bool Copies(StoreMode mode) => false;

    internal override FileSystem CreateFileSystem(string root) => new PortableFileSystem(root);
}

public sealed class DurableFileBackendTests() : FileBackendContract(new BackendOptions { Durability = Durability.Each })
{
    internal override FileSystem CreateFileSystem(string root) => FileSystem.For(root);
}

/// <summary>With a quota that is never reached, so that every change is counted.</summary>
public sealed class CountedFileBackendTests() : FileBackendContract(new BackendOptions { Durability = Durability.None, Quota = 1L << 40 })
{
    internal override FileSystem CreateFileSystem(string root) => FileSystem.For(root);
}
