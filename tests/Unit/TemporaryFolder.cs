namespace BorgStore.Tests;

/// <summary>A folder of a test's own, gone when the test is.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("borgstore-").FullName;

    public string Path { get; }

    /// <summary>The URL of a store in a folder below, which does not exist yet.</summary>
    public string StoreUrl => new Uri(Combine("store")).AbsoluteUri;

    public string Combine(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose()
    {
        if (Directory.Exists(Path)) Directory.Delete(Path, recursive: true);
    }
}
