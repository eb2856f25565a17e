using System.Formats.Tar;
using System.IO.Compression;
using BorgStore.Layout;

namespace BorgStore.Tests.Stores;

/// <summary>Base class for tests of <see cref="Store"/>, with a folder and stores in it.</summary>
public abstract class StoreFixture : IDisposable
{
    protected TemporaryFolder Folder { get; } = new();

    public void Dispose() => Folder.Dispose();

    protected static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    protected Task<Store> CreateAsync(params (string Name, int Level)[] namespaces)
        => Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(namespaces) });

    protected Task<Store> OpenAsync(StoreLayout? layout = null) => Store.OpenAsync(new(Folder.StoreUrl) { Layout = layout });

    protected static async Task<StoreException> FailsAsync(StoreError error, Func<Task> operation)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(operation);
        Assert.Equal(error, exception.Error);
        return exception;
    }

    /// <summary>Unpacks a store written by another implementation.</summary>
    protected string Unpack(string golden)
    {
        using var archive = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", "golden", golden + ".tar.gz")), CompressionMode.Decompress);
        TarFile.ExtractToDirectory(archive, Folder.Path, overwriteFiles: false);
        return Folder.Combine(golden);
    }
}
