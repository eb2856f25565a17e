namespace BorgStore.Tests;

/// <summary>A test's own folder, deleted after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("borgstore-").FullName;

    public string Path { get; }

    /// <summary>The URL of a store in a subfolder that does not exist yet.</summary>
    public string StoreUrl => new Uri(Combine("store")).AbsoluteUri;

    public string Combine(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose()
    {
        if (Directory.Exists(Path)) Directory.Delete(Path, recursive: true);
    }
}
