using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Backends;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>The contract on our client and a server with a folder as its storage, over one kind of connection.</summary>
public abstract class RestContract : BackendContract
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The folder of the store.</summary>
    protected virtual string StorePath => _folder.Combine("store");

    /// <summary>Returns a path in the folder for files of the server.</summary>
    protected string ServerPath(string name) => _folder.Combine(name);

    /// <summary>The URL of the store for the client.</summary>
    protected abstract string Url { get; }

    protected override BackendLimits Limits => Wine.OfFiles;

    protected override bool ShowsForeignNames => false;

    protected override bool KnowsDeletedTime => OperatingSystem.IsLinux();

    protected override ValueTask<IBackend> CreateBackendAsync() => new(new RestBackend(Url));

    protected abstract ValueTask StopServerAsync();

    protected override async ValueTask CleanUpAsync()
    {
        await StopServerAsync();
        _folder.Dispose();
    }

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        var file = Path.Combine(StorePath, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content, Ct);
        return true;
    }

    protected override string? RawFolder => StorePath;

    protected override ValueTask<bool> PutRawLinkAsync(string path, string target) => MakeLink(Path.Combine(StorePath, path), target);

    // The server may notice the end of a client a little later than the client itself.
    protected override async ValueTask<IReadOnlyList<string>?> ListRawAsync()
    {
        for (var attempt = 0; ; attempt++)
        {
            List<string> files = [.. Directory.EnumerateFiles(StorePath, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(StorePath, file).Replace('\\', '/')).Where(file => !file.StartsWith("quota", StringComparison.Ordinal))];
            if (attempt == 100 || !files.Any(file => file.EndsWith(".tmp", StringComparison.Ordinal))) return files;
            await Task.Delay(20, Ct);
        }
    }
}

/// <summary>Over TCP.</summary>
public sealed class TcpContractTests : RestContract
{
    private InProcessServer? _server;

    protected override string Url => _server!.Url;

    public override async ValueTask InitializeAsync()
    {
        _server = await InProcessServer.StartAsync(StorePath);
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync() => _server?.DisposeAsync() ?? default;
}
