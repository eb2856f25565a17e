using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Portable;
using BorgStore.Diagnostics;
using BorgStore.Security;

namespace BorgStore.Tests.Faults;

/// <summary>Errors about folders that cannot be a store or are not writable.</summary>
public sealed class FolderFaultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Creating_a_store_where_no_folder_can_exist_reports_the_system_error(bool portable)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc.");
        await using var backend = new FileBackend("/proc/foo", null, root => portable ? new PortableFileSystem(root) : FileSystem.For(root));
        var error = await Assert.ThrowsAsync<StoreException>(() => backend.CreateAsync(Ct));
        Assert.Contains("the system says: no such file or directory", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Creating_a_store_with_read_only_permissions_reports_permission_denied()
    {
        var options = new StoreOptions(new Uri(_folder.Combine("store")).AbsoluteUri) { Layout = new(("data", 2)), Permissions = PermissionMap.Parse("borgbackup-read-only") };
        var error = await Assert.ThrowsAsync<StoreException>(() => Store.CreateAsync(options, Ct));
        Assert.DoesNotContain("''", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<StoreException>(() => new ExplainingBackend(new PermissionBackend(new FileBackend(_folder.Combine("store")), options.Permissions), "here").CreateAsync(Ct));
        Assert.StartsWith("Could not create the store 'here': permission is denied. ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_name_that_is_not_valid_text_is_shown_as_bytes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems have no such names.");
        await using var backend = new FileBackend(_folder.Combine("store"));
        await backend.CreateAsync(Ct);
        using (var shell = Process.Start("sh", ["-c", "mkdir \"$0/data\" && touch \"$0/data/$(printf 'a\\377b')\"", _folder.Combine("store")]))
        {
            await shell.WaitForExitAsync(Ct);
            Assert.Equal(0, shell.ExitCode);
        }
        var error = await Assert.ThrowsAsync<StoreException>(() => backend.DestroyAsync(Ct));
        Assert.Contains(@"data/a\xffb", error.Message, StringComparison.Ordinal);
        // It is not listed as an item either.
        await backend.OpenAsync(Ct);
        await foreach (var item in backend.ListAsync("data", ListScope.OneLevel, Ct)) Assert.Fail(item.Name);
        using (var shell = Process.Start("rm", ["-r", _folder.Combine("store")])) await shell.WaitForExitAsync(Ct);
    }
}
